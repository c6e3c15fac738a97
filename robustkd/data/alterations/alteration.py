"""A way to make images from others, with all that identifies it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robustkd.data.image_random import Generators, image_generators
from robustkd.data.image_set import ImageSet
from robustkd.data.transformed import Transform, held, transformed

VERSION = 1
"""Raised whenever the code of an alteration gives other images."""


@dataclass(frozen=True, eq=False)
class Alteration:
    """A way to make images from others.

    Attributes:
        name: Its name.
        transform: The transform.
        settings: All that determines the images besides the name, as plain values.
    """

    name: str
    transform: Transform
    settings: dict[str, Any] = field(default_factory=dict)


def altered(images: ImageSet, alteration: Alteration, indices: Tensor | None = None) -> ImageSet:
    """Return the set of the altered images, computed when they are first read.

    Args:
        images: The images.
        alteration: The alteration.
        indices: The index of each image in its data set, int64 (N,); by default its place in `images`.
    """
    settings = {"version": VERSION, **alteration.settings}
    return held(transformed(images, alteration.name, alteration.transform, settings, indices))


def generators_of(name: str, seed: int, indices: Tensor) -> Generators:
    """Create a generator for each image.

    Args:
        name: The name of what is drawn; each gets other numbers for the same seed and image.
        seed: The seed, not negative.
        indices: The index of each image, int64 (B,).
    """
    return image_generators(seed, indices.tolist(), zlib.crc32(name.encode()))


def drawn(generators: Generators, draw: Callable[[Any], Any], like: Tensor) -> Tensor:
    """Draw numbers for each image.

    Args:
        generators: A generator for each image.
        draw: Draws the numbers of one image from its generator: a number or an array.
        like: A tensor on the device where they are needed.

    Returns:
        float32 (B, …).
    """
    numbers = np.stack([np.asarray(draw(generator), dtype=np.float32) for generator in generators])
    return torch.from_numpy(numbers).to(like.device)


def to_bytes(pixels: Tensor) -> Tensor:
    """Round float pixels, clipped to [0, 1], to uint8."""
    return (pixels.clamp(0, 1) * 255).round().to(torch.uint8)


def luma(pixels: Tensor) -> Tensor:
    """Return the brightness of float pixels (B, C, H, W) as (B, 1, H, W), by ITU-R BT.601 where there are colours."""
    if pixels.shape[1] != 3:
        return pixels.mean(dim=1, keepdim=True)
    weights = torch.tensor([0.299, 0.587, 0.114], device=pixels.device)[:, None, None]
    return (pixels * weights).sum(dim=1, keepdim=True)
