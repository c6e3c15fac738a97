"""Bring images to the size of a network's input, differentiably."""

import math
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from robustkd.errors import ModelError

Interpolation = Literal["bilinear", "bicubic"]
INTERPOLATIONS: tuple[Interpolation, ...] = ("bilinear", "bicubic")


def resized(pixels: Tensor, size: int, crop_pct: float | None, interpolation: Interpolation) -> Tensor:
    """Resize images, with antialiasing.

    Args:
        pixels: float (B, C, H, W) in [0, 1].
        size: Height and width of the result.
        crop_pct: None resizes both sides to `size`, whatever the aspect ratio. Otherwise the shorter side is resized to
            ⌊size / crop_pct⌋ and the centre is cut out, as timm does when it evaluates a network.
        interpolation: The filter.

    Returns:
        float (B, C, size, size) in [0, 1].
    """
    height, width = pixels.shape[-2:]
    if crop_pct is None:
        return _interpolated(pixels, size, size, interpolation)
    short, shorter = resize_length(size, crop_pct), min(height, width)
    pixels = _interpolated(pixels, short * height // shorter, short * width // shorter, interpolation)
    top, left = (round((length - size) / 2) for length in pixels.shape[-2:])
    return pixels[..., top : top + size, left : left + size]


def resize_length(size: int, crop_pct: float) -> int:
    """Return the length of the shorter side from whose centre a network's input is cut out."""
    return math.floor(size / crop_pct)


def check_resizing(image_size: int | None, crop_pct: float | None, interpolation: str) -> None:
    """Refuse settings that no image can be resized with.

    Args:
        image_size: Height and width of the network's input; None for those of the image.
        crop_pct: The share of the shorter side that the network sees.
        interpolation: The filter.

    Raises:
        ModelError: A value is out of range, or `crop_pct` has no size to refer to.
    """
    if interpolation not in INTERPOLATIONS:
        raise ModelError(f"interpolation must be {' or '.join(INTERPOLATIONS)}, got {interpolation!r}")
    if crop_pct is not None and not 0 < crop_pct <= 1:
        raise ModelError(f"crop_pct must be greater than 0 and at most 1, got {crop_pct}")
    if crop_pct is not None and image_size is None:
        raise ModelError("crop_pct needs image_size, the size of the centre that is cut out")


def _interpolated(pixels: Tensor, height: int, width: int, interpolation: Interpolation) -> Tensor:
    if tuple(pixels.shape[-2:]) == (height, width):
        return pixels
    size = (height, width)
    pixels = F.interpolate(pixels, size, mode=interpolation, antialias=True, align_corners=False)
    return pixels.clamp(0, 1) if interpolation == "bicubic" else pixels  # a cubic overshoots at edges
