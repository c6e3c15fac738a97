"""Blur: defocus, glass, motion and zoom blur, and Gaussian blur, which is an extra one of the benchmark."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from robustkd.data.corruptions.operators import blurred, zoom_matrix
from robustkd.data.image_random import Generators


def gaussian_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Convolve with a Gaussian."""
    return blurred(pixels, (0.4, 0.6, 0.7, 0.8, 1.0)[severity - 1])


def defocus_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Convolve with a disk with softened edges, as a lens out of focus does."""
    radius, alias = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))[severity - 1]
    place = np.arange(-3, 4)
    disk = (place[:, None] ** 2 + place[None] ** 2 <= radius**2).astype(np.float64)
    soften = np.exp(-(np.arange(-1, 2) ** 2) / (2 * alias**2))
    kernel = ndimage.convolve(disk / disk.sum(), np.outer(soften, soften) / soften.sum() ** 2, mode="constant")
    weight = torch.from_numpy(kernel.astype(np.float32)).to(pixels.device)
    return _depthwise(F.pad(pixels, (3, 3, 3, 3), mode="reflect"), weight)


def glass_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Blur, replace each pixel in turn by a random neighbour, and blur again."""
    sigma, reach, rounds = ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2))[severity - 1]
    seen = (blurred(pixels, sigma) * 255 + 1e-4).floor() / 255
    height, width = pixels.shape[-2:]
    rows, columns = range(height - reach, reach, -1), range(width - reach, reach, -1)
    size = (rounds, len(rows), len(columns), 2)
    moves = np.stack([generator.integers(-reach, reach, size) for generator in generators])
    steps = torch.from_numpy(moves).to(pixels.device)
    batch = torch.arange(len(pixels), device=pixels.device)
    for turn in range(rounds):
        for row, down in enumerate(rows):
            for column, across in enumerate(columns):
                step = steps[:, turn, row, column]
                seen[:, :, down, across] = seen[batch, :, down + step[:, 1], across + step[:, 0]]
    return blurred(seen, sigma)


def motion_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Blur along a line of random angle, with weights that fall off from its first pixel.

    This is ImageMagick's motion blur, which the original calls: half a Gaussian over 2·radius + 1 pixels, each read at
    the nearest place on the line, with the border pixels repeated. It rounds to whole grey levels.
    """
    radius, sigma = ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))[severity - 1]
    along = np.arange(2 * radius + 1)
    weights = np.exp(-(along**2) / (2 * sigma**2))
    weights /= weights.sum()
    angles = np.deg2rad([generator.uniform(-45, 45) for generator in generators])
    height, width = pixels.shape[-2:]
    batch = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    seen = torch.zeros_like(pixels)
    for step, weight in zip(along, weights, strict=True):
        across, down = (np.ceil(step * part(angles) - 0.5).astype(np.int64) for part in (np.cos, np.sin))
        rows, columns = (
            (torch.arange(side)[None] + torch.from_numpy(moved)[:, None]).clamp(0, side - 1).to(pixels.device)
            for side, moved in ((height, down), (width, across))
        )
        taken = pixels.movedim(1, -1)[batch, rows[:, :, None], columns[:, None, :]]
        seen += float(weight) * taken.movedim(-1, 1)
    return (seen * 255).round() / 255


def zoom_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Average the image and its zooms into the centre."""
    # in float64 these ranges include 1.06 and 1.11, their own ends, as in the original
    factors = np.arange(1, (1.06, 1.11, 1.16, 1.21, 1.26)[severity - 1], 0.01)
    total = pixels.clone()
    for factor in factors:
        rows, columns = (zoom_matrix(side, factor).to(pixels.device) for side in pixels.shape[-2:])
        total += rows @ pixels @ columns.T
    return total / (len(factors) + 1)


def _depthwise(padded: Tensor, kernel: Tensor) -> Tensor:
    channels = padded.shape[1]
    return F.conv2d(padded, kernel.expand(channels, 1, *kernel.shape), groups=channels)
