"""Weather: snow, fog and brightness; `frost` is a file of its own."""

import numpy as np
import torch
from torch import Tensor

from robustkd.data.corruptions.operators import along_a_line, clouds, luminance, zoomed
from robustkd.data.image_random import Generators

Flakes = tuple[float, float, float, float, int, float, float]


def snow(pixels: Tensor, constants: Flakes, generators: Generators) -> Tensor:
    """Whiten the image, and add flakes that fall along a line of random angle, and the same turned by 180°.

    The constants are mean and standard deviation of the noise that flakes grow from, its zoom, the threshold above
    which it is a flake, radius and standard deviation of the motion blur, and the weight of the image as it is.
    """
    mean, deviation, zoom, threshold, radius, sigma, kept = constants
    height, width = pixels.shape[-2:]
    noise = np.stack([generator.standard_normal((height, width)) for generator in generators])
    layer = zoomed(torch.from_numpy(mean + deviation * noise), zoom)
    flakes = (torch.where(layer < threshold, 0.0, layer).clamp(0, 1) * 255).floor() / 255
    degrees = np.array([generator.uniform(-135, -45) for generator in generators])
    falling = along_a_line(flakes.float()[:, None], radius, sigma, degrees).to(pixels.device)
    white = pixels.maximum(luminance(pixels) * 1.5 + 0.5)
    return kept * pixels + (1 - kept) * white + falling + falling.flip(2, 3)


def fog(pixels: Tensor, constants: tuple[float, float], generators: Generators) -> Tensor:
    """Blend a fractal cloud over the image, and keep its brightest value."""
    strength, decay = constants
    height, width = pixels.shape[-2:]
    side = 1 << (max(height, width, 32) - 1).bit_length()
    noise = np.stack([generator.uniform(-1, 1, (side, side)) for generator in generators])
    cloud = torch.from_numpy(clouds(noise, decay).astype(np.float32)).to(pixels.device)[:, None, :height, :width]
    brightest = pixels.amax(dim=(1, 2, 3), keepdim=True)
    return (pixels + strength * cloud) * brightest / (brightest + strength)


def brightness(pixels: Tensor, plus: float, generators: Generators) -> Tensor:
    """Raise the value in HSV: the largest channel, with the others in proportion."""
    value = pixels.amax(dim=1, keepdim=True)
    raised = (value + plus).clamp(max=1)
    return torch.where(value > 0, pixels * raised / value.clamp_min(1e-12), raised)
