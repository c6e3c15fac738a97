"""Blurred images."""

from __future__ import annotations

from torch import Tensor

from robustkd.data.alterations.alteration import Alteration, to_bytes
from robustkd.data.corruptions.operators import blurred
from robustkd.data.image_set import to_pixels

CIFAR_SIDE = 32
"""The side of the images that lengths in pixels are stated for."""


def blur(sigma: float) -> Alteration:
    """Convolve with a Gaussian.

    Args:
        sigma: The standard deviation, in pixels of an image whose shorter side is 32; in proportion for others.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        return to_bytes(blurred(to_pixels(images), in_pixels(sigma, images)))

    return Alteration("blur", transform, {"sigma": sigma})


def in_pixels(length: float, images: Tensor) -> float:
    """Return a length, stated for images whose shorter side is 32 pixels, in pixels of these images."""
    return length * min(images.shape[-2:]) / CIFAR_SIDE
