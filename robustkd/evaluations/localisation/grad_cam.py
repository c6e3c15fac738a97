"""Grad-CAM: where in the image a network sees a class.

Selvaraju et al., *Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization* (ICCV 2017, arXiv
1610.02391), equations 1 and 2: with the last map A (C channels) and the logit y of a class,

    α_c = mean over positions of ∂y/∂A_c,    map = ReLU(Σ_c α_c A_c).

These are a few lines over the map and its gradient, which are found for any network (`models/last_map.py`); a library
would need to be told the layer of each network and the layout of its tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet
    from robustkd.models import PixelModel
    from robustkd.models.last_map import MapPlace


def grad_cam(maps: Tensor, gradients: Tensor) -> Tensor:
    """Combine the channels of the last map by the mean of their gradient.

    Args:
        maps: A, float (B, C, H, W).
        gradients: ∂y/∂A of each image's class, float (B, C, H, W).

    Returns:
        float (B, H, W), not negative.
    """
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return (weights * maps).sum(dim=1).relu()


def class_maps(model: PixelModel, images: ImageSet, place: MapPlace, batch_size: int, grid: int) -> np.ndarray:
    """Compute the Grad-CAM of each image's label, on a grid that all networks share.

    Args:
        model: The network, in evaluation mode.
        images: The images.
        place: Where its last map is.
        batch_size: The largest number of images in a batch.
        grid: Height and width of the grid; maps of another size are resized to it, bilinearly with antialiasing.

    Returns:
        float32 (N, grid, grid).
    """
    import torch.nn.functional as F

    from robustkd.models.batch_size import images_at_once
    from robustkd.models.last_map import map_and_gradient

    device = model.mean.device
    labels, found, start = images.labels.to(device), [], 0
    for pixels in images.pixel_batches(images_at_once(batch_size, images.shape, device), device):
        batch = labels[start : start + len(pixels)]
        seen = grad_cam(*map_and_gradient(model, pixels, batch, place)).float()
        if tuple(seen.shape[1:]) != (grid, grid):
            seen = F.interpolate(seen[:, None], (grid, grid), mode="bilinear", antialias=True)[:, 0]
        found.append(seen.cpu().numpy())
        start += len(pixels)
    return np.concatenate(found)


def cosine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the cosine of two maps of each image; 0 where one of them is 0 everywhere.

    Args:
        first: float (N, H, W).
        second: float (N, H, W).

    Returns:
        float64 (N,), from 0 to 1 for maps that are not negative.

    >>> import numpy as np
    >>> cosine(np.array([[[3.0, 4.0]]]), np.array([[[6.0, 8.0]]])).round(6).tolist()
    [1.0]
    """
    flat = [each.reshape(len(each), -1).astype(np.float64) for each in (first, second)]
    lengths = [np.linalg.norm(each, axis=1) for each in flat]
    below = lengths[0] * lengths[1]
    return np.divide((flat[0] * flat[1]).sum(axis=1), below, out=np.zeros(len(below)), where=below > 0)
