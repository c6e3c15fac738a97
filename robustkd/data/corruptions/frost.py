"""Frost: ice on a window, in front of the image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from robustkd.data.corruptions.constants import is_large
from robustkd.data.corruptions.operators import luminance
from robustkd.data.image_random import Generators
from robustkd.errors import DataError

PHOTOGRAPHS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
SHRUNK = 0.2
"""The scale of photographs in front of small images, as in the benchmark."""

COUNT = 5
"""The number of generated textures; the benchmark draws from five photographs."""

TINT = (0.82, 0.90, 0.97)
"""The colour of the brightest ice."""


def frost(
    pixels: Tensor,
    constants: tuple[float, float],
    generators: Generators,
    textures: Sequence[np.ndarray] = (),
) -> Tensor:
    """Add a random part of a picture of frost.

    Args:
        pixels: The images, float32 (B, C, H, W) in [0, 1].
        constants: The weights of the image and of the frost.
        generators: A generator for each image.
        textures: Pictures of frost, uint8 (H′, W′, 3), larger than the images; if empty, generated ones.
    """
    kept, added = constants
    height, width = pixels.shape[-2:]
    found = textures or _generated_for(height, width)
    parts = np.stack([_part(found, height, width, generator) for generator in generators])
    ice = torch.from_numpy(parts.transpose(0, 3, 1, 2).astype(np.float32) / 255).to(pixels.device)
    if pixels.shape[1] != 3:
        ice = luminance(ice)
    return kept * pixels + added * ice


def read_textures(folder: Path | str, height: int, width: int) -> list[np.ndarray]:
    """Read photographs of frost for images of a size; for small images they are shrunk to a fifth, as in the benchmark.

    Args:
        folder: A folder of photographs.
        height: The height of the images.
        width: The width.

    Returns:
        The photographs in the order of their names, uint8 (H′, W′, 3).

    Raises:
        DataError: The folder has no photograph, or one is not readable or too small.
    """
    from PIL import Image

    place = Path(folder).expanduser()
    files = sorted(file for file in place.glob("*") if file.suffix.lower() in PHOTOGRAPHS) if place.is_dir() else []
    if not files:
        raise DataError(f"{place}: has no photographs of frost; give a folder of {', '.join(PHOTOGRAPHS)} files")
    found = []
    for file in files:
        try:
            with Image.open(file) as opened:
                image = opened.convert("RGB")
        except OSError as error:
            raise DataError(f"{file}: not readable as a photograph ({error})") from error
        if not is_large(height, width):
            size = (max(1, round(image.width * SHRUNK)), max(1, round(image.height * SHRUNK)))
            image = image.resize(size, Image.Resampling.BILINEAR)
        if image.height <= height or image.width <= width:
            raise DataError(
                f"{file}: with {image.height}×{image.width} pixels, as used for these images, it must be larger than "
                f"{height}×{width}"
            )
        found.append(np.asarray(image))
    return found


@lru_cache(maxsize=2)
def generated_textures(side: int, unit: int) -> tuple[np.ndarray, ...]:
    """Generate pictures that look like frost on a window: needles of ice along bent lines, denser in some places.

    They do not depend on the seed of an evaluation, and wrap around.

    Args:
        side: The side of the pictures in pixels.
        unit: The width of the finest needles in pixels.

    Returns:
        `COUNT` pictures, uint8 (side, side, 3).
    """
    random = np.random.default_rng(0)
    lightness = [_needles(random, side, unit) for _ in range(COUNT)]
    return tuple((each[..., None] * np.array(TINT) * 255).astype(np.uint8) for each in lightness)


def _needles(random: np.random.Generator, side: int, unit: int) -> np.ndarray:
    """The lightness of one picture, float64 (side, side), 0 to 1."""
    grid = np.mgrid[:side, :side].astype(np.float64)
    bent = grid + 3 * unit * np.stack([_noise(random, side, (6 * unit, 6 * unit)) for _ in range(2)])
    ice = np.zeros((side, side))
    for scale in (1, 1, 2, 2, 4, 4):
        # noise that varies five times as fast across a line as along it, sampled along lines of a random angle
        along, angle = _noise(random, side, (0.6 * scale * unit, 3 * scale * unit)), random.uniform(0, np.pi)
        cosine, sine = np.cos(angle), np.sin(angle)
        places = np.stack([cosine * bent[0] - sine * bent[1], sine * bent[0] + cosine * bent[1]])
        valleys = ndimage.map_coordinates(along, places, order=1, mode="grid-wrap")
        ice += np.exp(-((valleys / 0.35) ** 2)) / 4
    cover = 1 / (1 + np.exp(-1.5 * _noise(random, side, (12 * unit, 12 * unit))))
    return np.asarray((0.22 + 0.75 * ice * (0.35 + 0.65 * cover) + 0.15 * cover).clip(0, 1))


def _noise(random: np.random.Generator, side: int, sigma: tuple[float, float]) -> np.ndarray:
    """Smooth noise of standard deviation 1, float64 (side, side)."""
    noise = ndimage.gaussian_filter(random.standard_normal((side, side)), sigma, mode="wrap")
    return np.asarray(noise / noise.std())


def _generated_for(height: int, width: int) -> tuple[np.ndarray, ...]:
    """Textures at least twice as large as the images; the finest needles are a pixel wide in small ones."""
    side = 1 << max(8, (2 * max(height, width) - 1).bit_length())
    return generated_textures(side, 4 if is_large(height, width) else 1)


def _part(textures: Sequence[np.ndarray], height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    texture = textures[int(generator.integers(len(textures)))]
    down, across = (int(generator.integers(0, most)) for most in (len(texture) - height, texture.shape[1] - width))
    return texture[down : down + height, across : across + width]
