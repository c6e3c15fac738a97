"""Common corruptions, generated on the fly with the constants of CIFAR-10-C or, for large images, of ImageNet-C.

Hendrycks, Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations* (ICLR 2019), at
five severities; `constants` says which images are large. Random numbers are drawn from (seed, corruption, image),
so that an image is corrupted in the same way in any sample of its data set, and in the same way but stronger at the
next severity. The results are not the released
files, whose random numbers came from another generator. `frost` shows generated textures, unless photographs are given.

Where the original code does something else than it seems to, this follows what it does: pixels are truncated to uint8,
not rounded (except in motion blur, where ImageMagick rounds); the swap of two pixels in glass blur copies one over the
other; and rounding in float64 gives zoom blur one more zoom at the first two severities.

The corruptions themselves are in `noise`, `blur`, `weather`, `frost`, `spatter` and `digital`, and what these share in
`operators`; `arrays` reads the released files.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robustkd.data.corruptions.blur import defocus_blur, gaussian_blur, glass_blur, motion_blur, zoom_blur
from robustkd.data.corruptions.constants import constants_of
from robustkd.data.corruptions.digital import contrast, elastic_transform, jpeg_compression, pixelate, saturate
from robustkd.data.corruptions.frost import frost
from robustkd.data.corruptions.noise import gaussian_noise, impulse_noise, shot_noise, speckle_noise
from robustkd.data.corruptions.spatter import spatter
from robustkd.data.corruptions.weather import brightness, fog, snow
from robustkd.data.image_random import Generators, image_generators
from robustkd.data.image_set import to_pixels
from robustkd.errors import DataError

Corruption = Callable[[Tensor, Any, Generators], Tensor]
"""Maps pixels (B, C, H, W) in [0, 1], the constants of a severity, and a generator for each image to such pixels."""

SEVERITIES = (1, 2, 3, 4, 5)

CORRUPTIONS: dict[str, Corruption] = {
    each.__name__: each
    for each in (
        gaussian_noise,
        shot_noise,
        impulse_noise,
        defocus_blur,
        glass_blur,
        motion_blur,
        zoom_blur,
        snow,
        frost,
        fog,
        brightness,
        contrast,
        elastic_transform,
        pixelate,
        jpeg_compression,
        speckle_noise,
        gaussian_blur,
        spatter,
        saturate,
    )
}
"""By the names of CIFAR-10-C, in the order of its paper; the last four are its extra corruptions."""

EXTRA = ("speckle_noise", "gaussian_blur", "saturate", "spatter")
"""Released with the benchmark, but not among its fifteen: published means exclude them."""

STANDARD = tuple(name for name in CORRUPTIONS if name not in EXTRA)
"""The fifteen corruptions of the benchmark."""

_SMALLEST_SIDE = 8
_SMALLEST_SIDE_FOR_MOTION = 20


def corrupt(
    images: Tensor,
    name: str,
    severity: int,
    seed: int,
    indices: Sequence[int],
    frost_textures: Sequence[np.ndarray] = (),
) -> Tensor:
    """Corrupt images.

    Args:
        images: The images, uint8 (B, C, H, W).
        name: The corruption, a key of `CORRUPTIONS`.
        severity: The severity, 1 to 5.
        seed: The seed of all random numbers, not negative.
        indices: The index of each image in its data set.
        frost_textures: Pictures of frost for `frost`, see `frost.read_textures`; if empty, generated ones.

    Returns:
        The corrupted images, uint8 (B, C, H, W), on the same device.

    Raises:
        DataError: Images of this shape cannot be corrupted in this way.
    """
    if reason := impossible(name, tuple(images.shape[1:])):
        raise DataError(f"{name}: {reason}")
    stream = zlib.crc32(name.encode()) * 8
    pixels = to_pixels(images)
    generators = image_generators(seed, indices, stream)
    constants = constants_of(name, severity, *images.shape[-2:])
    if name == "frost":
        corrupted = frost(pixels, constants, generators, frost_textures)
    else:
        corrupted = CORRUPTIONS[name](pixels, constants, generators)
    # the small term undoes the rounding of float32: 254.99999 stands for 255, which the original has in float64
    return (corrupted.clamp(0, 1) * 255 + 1e-4).to(torch.uint8)


def impossible(name: str, shape: tuple[int, ...]) -> str:
    """Return why images of a shape cannot be corrupted in this way.

    Args:
        name: The corruption, a key of `CORRUPTIONS`.
        shape: The shape of an image, (C, H, W).

    Returns:
        The reason, a clause; empty if they can be corrupted.
    """
    channels, height, width = shape
    smallest = _SMALLEST_SIDE_FOR_MOTION if name == "motion_blur" else _SMALLEST_SIDE
    if name == "saturate" and channels != 3:
        return "it needs colour images"
    if name in ("jpeg_compression", "snow", "frost", "spatter") and channels not in (1, 3):
        return "it needs grey or colour images"
    if min(height, width) < smallest:
        return f"it needs images of at least {smallest}×{smallest} pixels, these have {height}×{width}"
    return ""
