"""The first images of a set, small enough to be shown."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data.alterations.alteration import to_bytes
from robustkd.data.image_set import ImageSet, to_pixels

LONGEST = 96
"""The longest side that is kept, in pixels."""


def first_images(images: ImageSet, count: int) -> np.ndarray:
    """Return the first images of a set, reduced to `LONGEST` where they are larger.

    Args:
        images: The set.
        count: The number of images; fewer where the set has fewer.

    Returns:
        uint8 (count, H, W, C).
    """
    return reduced(images.read(torch.arange(min(count, len(images)))))


def reduced(pixels: Tensor) -> np.ndarray:
    """Reduce images to `LONGEST` where they are larger.

    Args:
        pixels: uint8 (B, C, H, W).

    Returns:
        uint8 (B, H, W, C).
    """
    factor = LONGEST / max(pixels.shape[-2:])
    if factor < 1:
        size = [max(round(side * factor), 1) for side in pixels.shape[-2:]]
        pixels = to_bytes(F.interpolate(to_pixels(pixels), size, mode="area"))
    return np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())
