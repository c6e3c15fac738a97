"""Noise: Gaussian, shot and impulse noise, and speckle noise, which is an extra one of the benchmark."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from robustkd.data.image_random import Generators


def _drawn(pixels: Tensor, draw: Callable[[np.random.Generator], np.ndarray], generators: Generators) -> Tensor:
    drawn = np.stack([draw(generator) for generator in generators])
    return torch.from_numpy(drawn.astype(np.float32)).to(pixels.device)


def gaussian_noise(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Add normal noise."""
    sigma = (0.04, 0.06, 0.08, 0.09, 0.10)[severity - 1]
    shape = tuple(pixels.shape[1:])
    return pixels + sigma * _drawn(pixels, lambda generator: generator.standard_normal(shape), generators)


def shot_noise(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Replace each value by a count of photons: Poisson noise."""
    photons = (500, 250, 100, 75, 50)[severity - 1]
    expected = (pixels * photons).cpu().numpy().astype(np.float64)
    counted = [generator.poisson(image) for image, generator in zip(expected, generators, strict=True)]
    return torch.from_numpy(np.stack(counted).astype(np.float32) / photons).to(pixels.device)


def impulse_noise(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Set some values to 0 or 1: salt-and-pepper noise."""
    amount = (0.01, 0.02, 0.03, 0.05, 0.07)[severity - 1]
    shape = tuple(pixels.shape[1:])
    drawn = _drawn(pixels, lambda generator: generator.random(shape), generators)
    return torch.where(drawn < amount, (drawn < amount / 2).float(), pixels)


def speckle_noise(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Add normal noise in proportion to the value."""
    sigma = (0.06, 0.10, 0.12, 0.16, 0.20)[severity - 1]
    shape = tuple(pixels.shape[1:])
    return pixels * (1 + sigma * _drawn(pixels, lambda generator: generator.standard_normal(shape), generators))
