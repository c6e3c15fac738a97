"""Digital corruptions: contrast, elastic, pixelate and JPEG, and saturate, which is an extra one of the benchmark."""

import io
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from robustkd.data.corruptions.operators import sampled, tilted_places
from robustkd.data.image_random import Generators
from robustkd.data.image_set import to_pixels


def contrast(pixels: Tensor, share: float, generators: Generators) -> Tensor:
    """Move each channel towards its mean."""
    mean = pixels.mean(dim=(2, 3), keepdim=True)
    return (pixels - mean) * share + mean


def saturate(pixels: Tensor, constants: tuple[float, float], generators: Generators) -> Tensor:
    """Change the saturation in HSV; grey counts as red of saturation 0."""
    times, plus = constants
    value = pixels.amax(dim=1, keepdim=True)
    spread = value - pixels.amin(dim=1, keepdim=True)
    saturation = spread / value.clamp_min(1e-12)
    wanted = (saturation * times + plus).clamp(0, 1)
    red = torch.tensor([0.0, 1.0, 1.0], device=pixels.device)[:, None, None]
    distance = torch.where(spread > 0, (value - pixels) / spread.clamp_min(1e-12), red)
    return value * (1 - wanted * distance)


def elastic_transform(pixels: Tensor, constants: tuple[float, float, float], generators: Generators) -> Tensor:
    """Apply a random affine map, then a smooth random displacement."""
    height, width = pixels.shape[-2:]
    side = min(height, width)
    alpha, sigma, tilt = (side * constant for constant in constants)
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    tilts = [tilted_places(grid, tilt, generator) for generator in generators]
    tilted = sampled(pixels, np.stack(tilts), about_centres=True)
    if alpha == 0:
        return tilted
    noise = np.stack([generator.uniform(-1, 1, (2, height, width)) for generator in generators])
    smooth = ndimage.gaussian_filter(noise, (0, 0, sigma, sigma), mode="reflect", truncate=3)
    return sampled(tilted, grid + alpha * np.moveaxis(smooth, 1, -1), about_centres=False)


def pixelate(pixels: Tensor, scale: float, generators: Generators) -> Tensor:
    """Shrink and enlarge the image again by averaging over boxes."""

    def coarse(image: Image.Image) -> Image.Image:
        small = (int(image.width * scale), int(image.height * scale))
        return image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BOX)

    return _through_pil(pixels, coarse)


def jpeg_compression(pixels: Tensor, quality: int, generators: Generators) -> Tensor:
    """Save the image as JPEG and load it again."""

    def compressed(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _through_pil(pixels, compressed)


def _through_pil(pixels: Tensor, change: Callable[[Image.Image], Image.Image]) -> Tensor:
    """Change images one by one: in colour if they have three channels, otherwise channel by channel."""
    arrays = (pixels * 255).round().to(torch.uint8).cpu().numpy()
    changed = np.empty_like(arrays)
    for index, image in enumerate(arrays):
        if len(image) == 3:
            changed[index] = np.asarray(change(Image.fromarray(image.transpose(1, 2, 0)))).transpose(2, 0, 1)
        else:
            for channel, values in enumerate(image):
                changed[index, channel] = np.asarray(change(Image.fromarray(values)))
    return to_pixels(torch.from_numpy(changed)).to(pixels.device)
