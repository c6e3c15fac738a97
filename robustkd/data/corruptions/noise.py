"""Noise: Gaussian, shot and impulse noise, and speckle noise, which is an extra one of the benchmark."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from robustkd.data.image_random import Generators


def _drawn(pixels: Tensor, draw: Callable[[np.random.Generator], np.ndarray], generators: Generators) -> Tensor:
    drawn = np.stack([draw(generator) for generator in generators])
    return torch.from_numpy(drawn.astype(np.float32)).to(pixels.device)


def gaussian_noise(pixels: Tensor, sigma: float, generators: Generators) -> Tensor:
    """Add normal noise."""
    shape = tuple(pixels.shape[1:])
    return pixels + sigma * _drawn(pixels, lambda generator: generator.standard_normal(shape), generators)


def shot_noise(pixels: Tensor, photons: float, generators: Generators) -> Tensor:
    """Replace each value by a count of photons: Poisson noise."""
    expected = (pixels * photons).cpu().numpy().astype(np.float64)
    counted = [generator.poisson(image) for image, generator in zip(expected, generators, strict=True)]
    return torch.from_numpy(np.stack(counted).astype(np.float32) / photons).to(pixels.device)


def impulse_noise(pixels: Tensor, amount: float, generators: Generators) -> Tensor:
    """Set some values to 0 or 1: salt-and-pepper noise."""
    shape = tuple(pixels.shape[1:])
    drawn = _drawn(pixels, lambda generator: generator.random(shape), generators)
    return torch.where(drawn < amount, (drawn < amount / 2).float(), pixels)


def speckle_noise(pixels: Tensor, sigma: float, generators: Generators) -> Tensor:
    """Add normal noise in proportion to the value."""
    shape = tuple(pixels.shape[1:])
    return pixels * (1 + sigma * _drawn(pixels, lambda generator: generator.standard_normal(shape), generators))
