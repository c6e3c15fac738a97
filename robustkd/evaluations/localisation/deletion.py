"""Deletion: whether a map shows what a network needs, by deleting what it marks first.

Petsiuk, Das, Saenko, *RISE: Randomized Input Sampling for Explanation of Black-box Models* (BMVC 2018, arXiv
1806.07421), section 4: the parts of an image are deleted in the order of the map, and the probability of the class is
watched; the area under this curve is small if the map is right. Deleted here are whole cells of the grid of the maps,
because deleting single pixels at random destroys an image in a way that no map does: a random order of the same cells
is what the map's is compared with. What is deleted takes the mean colour of the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet
    from robustkd.models import PixelModel


def deletion_areas(
    model: PixelModel, images: ImageSet, orders: Sequence[np.ndarray], grid: int, steps: int, batch_size: int
) -> list[np.ndarray]:
    """Delete cells of images in several orders, and measure the area under the probability of the label.

    Args:
        model: The network, in evaluation mode.
        images: The images, N of them, in memory one batch at a time.
        orders: For each order the cells of each image, first deleted first, int64 (N, grid²).
        grid: The number of rows and of columns of cells.
        steps: The number of steps from the whole image to the mean colour.
        batch_size: The largest number of images in a batch.

    Returns:
        For each order the area under the curve of each image, float64 (N,), from 0 to 1.
    """
    from robustkd.models.batch_size import images_at_once

    device = model.mean.device
    at_once = images_at_once(batch_size, images.shape, device)
    colour = _mean_colour(images, at_once)
    labels, start = images.labels.to(device), 0
    areas: list[list[np.ndarray]] = [[] for _ in orders]
    for pixels in images.pixel_batches(at_once, device):
        stop = start + len(pixels)
        for order, seen in zip(orders, areas, strict=True):
            ranks = np.argsort(order[start:stop], axis=1).reshape(-1, grid, grid)
            seen.append(_area(model, pixels, labels[start:stop], ranks, colour.to(device), steps))
        start = stop
    return [np.concatenate(seen) for seen in areas]


def area_under(curve: np.ndarray) -> np.ndarray:
    """Return the area under curves over equal steps from 0 to 1, by trapezoids, float64 (N,).

    Args:
        curve: The values after each step, the first before any, float (N, S + 1).
    """
    return np.asarray((curve[:, :-1] + curve[:, 1:]).mean(axis=1) / 2)


def random_orders(seed: int, images: np.ndarray, cells: int) -> np.ndarray:
    """Draw an order of the cells of each image, which depends on nothing but the seed and the image.

    Args:
        seed: The seed.
        images: The index of each image in its data set, int64 (N,).
        cells: The number of cells.

    Returns:
        int64 (N, cells).
    """
    from robustkd.data.image_random import image_generators

    return np.stack([generator.permutation(cells) for generator in image_generators(seed, images.tolist())])


def _area(
    model: PixelModel, pixels: Tensor, labels: Tensor, ranks: np.ndarray, colour: Tensor, steps: int
) -> np.ndarray:
    """The areas of one batch; `ranks` (B, grid, grid) says how many cells are deleted before each."""
    import torch
    import torch.nn.functional as F

    place = torch.from_numpy(ranks.astype(np.float32)).to(pixels.device)[:, None]
    place = F.interpolate(place, tuple(pixels.shape[2:]), mode="nearest")
    cells = ranks.shape[1] * ranks.shape[2]
    curve = []
    with torch.no_grad():
        for step in range(steps + 1):
            shown = torch.where(place < round(step * cells / steps), colour, pixels)
            curve.append(model(shown).float().softmax(dim=1).gather(1, labels[:, None])[:, 0])
    return area_under(torch.stack(curve, dim=1).cpu().numpy().astype(np.float64))


def _mean_colour(images: ImageSet, batch_size: int) -> Tensor:
    """The mean of each channel over all images, float32 (1, C, 1, 1) in [0, 1]."""
    import torch

    total = torch.zeros(images.shape[0], dtype=torch.float64)
    for batch in images.read_batches(batch_size):
        total += batch.double().mean(dim=(2, 3)).sum(dim=0).cpu()
    return (total / len(images) / 255).float().view(1, -1, 1, 1)
