"""Common corruptions made on the fly, with the constants of CIFAR-10-C.

Hendrycks, Dietterich, *Benchmarking Neural Network Robustness to Common Corruptions and Perturbations* (ICLR 2019), at
five severities. The constants are those for 32×32 images, in pixels, whatever the size; elastic displacements are
relative to the side. What is random is drawn from (seed, corruption, severity, image), so an image is corrupted alike
in any sample of its data set. They are not the released files: these were drawn by another generator.

Where the original acts otherwise than it reads, this follows what it does: pixels are cut off to uint8, not rounded,
the swap of two pixels in glass blur copies one over the other, and rounding gives zoom blur one zoom more at the first
two severities.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import ndimage
from torch import Tensor

from robustkd.data.corruptions.operators import blurred, clouds, sampled, tilted_places, zoom_matrix
from robustkd.data.image_random import image_generators
from robustkd.errors import DataError

Generators = Sequence[np.random.Generator]
Corruption = Callable[[Tensor, int, Generators], Tensor]
"""Float pixels (B, C, H, W) in [0, 1], the severity from 1 to 5, and a generator for each image, to such pixels."""

SEVERITIES = (1, 2, 3, 4, 5)
SMALLEST_FOR_MOTION = 20


def corrupt(images: Tensor, name: str, severity: int, seed: int, indices: Sequence[int]) -> Tensor:
    """Corrupt images.

    Args:
        images: uint8 (B, C, H, W).
        name: One of `CORRUPTIONS`.
        severity: 1 to 5.
        seed: Of all draws, not negative.
        indices: Where each image stands in its data set.

    Returns:
        uint8 (B, C, H, W), on the same device.

    Raises:
        DataError: These images cannot be corrupted so.
    """
    if reason := impossible(name, tuple(images.shape[1:])):
        raise DataError(f"{name}: {reason}")
    stream = zlib.crc32(name.encode()) * 8 + severity
    pixels = images.to(torch.float32) / 255
    corrupted = CORRUPTIONS[name](pixels, severity, image_generators(seed, indices, stream))
    # the small term undoes what float32 loses: 254.99999 stands for 255, which the original has in float64
    return (corrupted.clamp(0, 1) * 255 + 1e-4).to(torch.uint8)


def impossible(name: str, shape: tuple[int, ...]) -> str:
    """Say why images of a shape, (C, H, W), cannot be corrupted so; empty where they can."""
    channels, side = shape[0], min(shape[1:])
    if name == "saturate" and channels != 3:
        return "needs colour images"
    if name == "jpeg_compression" and channels not in (1, 3):
        return "needs grey or colour images"
    if name == "motion_blur" and side < SMALLEST_FOR_MOTION:
        return f"its blur is up to 19 pixels long, the images have {side}"
    return "" if side >= 8 else f"needs 8×8 pixels, the images have {side}"


def _drawn(pixels: Tensor, draw: Callable[[np.random.Generator], np.ndarray], generators: Generators) -> Tensor:
    drawn = np.stack([draw(generator) for generator in generators])
    return torch.from_numpy(drawn.astype(np.float32)).to(pixels.device)


def gaussian_noise(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Add normal noise."""
    sigma = (0.04, 0.06, 0.08, 0.09, 0.10)[severity - 1]
    shape = tuple(pixels.shape[1:])
    return pixels + sigma * _drawn(pixels, lambda generator: generator.standard_normal(shape), generators)


def shot_noise(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Count photons: Poisson noise."""
    photons = (500, 250, 100, 75, 50)[severity - 1]
    expected = (pixels * photons).cpu().numpy().astype(np.float64)
    counted = [generator.poisson(image) for image, generator in zip(expected, generators, strict=True)]
    return torch.from_numpy(np.stack(counted).astype(np.float32) / photons).to(pixels.device)


def impulse_noise(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Set values to 0 or 1."""
    amount = (0.01, 0.02, 0.03, 0.05, 0.07)[severity - 1]
    shape = tuple(pixels.shape[1:])
    drawn = _drawn(pixels, lambda generator: generator.random(shape), generators)
    return torch.where(drawn < amount, (drawn < amount / 2).float(), pixels)


def speckle_noise(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Add normal noise in proportion to the value."""
    sigma = (0.06, 0.10, 0.12, 0.16, 0.20)[severity - 1]
    shape = tuple(pixels.shape[1:])
    return pixels * (1 + sigma * _drawn(pixels, lambda generator: generator.standard_normal(shape), generators))


def gaussian_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Blur by a normal distribution."""
    return blurred(pixels, (0.4, 0.6, 0.7, 0.8, 1.0)[severity - 1])


def defocus_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Blur by a disk with softened edges, as a lens out of focus does."""
    radius, alias = ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))[severity - 1]
    place = np.arange(-3, 4)
    disk = (place[:, None] ** 2 + place[None] ** 2 <= radius**2).astype(np.float64)
    soften = np.exp(-(np.arange(-1, 2) ** 2) / (2 * alias**2))
    kernel = ndimage.convolve(disk / disk.sum(), np.outer(soften, soften) / soften.sum() ** 2, mode="constant")
    weight = torch.from_numpy(kernel.astype(np.float32)).to(pixels.device)
    return _depthwise(F.pad(pixels, (3, 3, 3, 3), mode="reflect"), weight)


def glass_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Blur, let pixels take a neighbour's place one after the other, and blur again."""
    sigma, reach, rounds = ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2))[severity - 1]
    seen = (blurred(pixels, sigma) * 255 + 1e-4).floor() / 255
    height, width = pixels.shape[-2:]
    rows, columns = range(height - reach, reach, -1), range(width - reach, reach, -1)
    size = (rounds, len(rows), len(columns), 2)
    moves = np.stack([generator.integers(-reach, reach, size) for generator in generators])
    steps = torch.from_numpy(moves).to(pixels.device)
    batch = torch.arange(len(pixels), device=pixels.device)
    for turn in range(rounds):
        for row, down in enumerate(rows):
            for column, across in enumerate(columns):
                step = steps[:, turn, row, column]
                seen[:, :, down, across] = seen[batch, :, down + step[:, 1], across + step[:, 0]]
    return blurred(seen, sigma)


def motion_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Blur along a line of random angle, strongest at its beginning."""
    radius, sigma = ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))[severity - 1]
    along = np.arange(2 * radius + 1)
    weights = np.exp(-(along**2) / (2 * sigma**2))
    weights /= weights.sum()
    angles = np.deg2rad([generator.uniform(-45, 45) for generator in generators])
    height, width = pixels.shape[-2:]
    batch = torch.arange(len(pixels), device=pixels.device)[:, None, None]
    seen = torch.zeros_like(pixels)
    for step, weight in zip(along, weights, strict=True):
        across, down = (np.ceil(step * part(angles) - 0.5).astype(np.int64) for part in (np.cos, np.sin))
        rows, columns = (
            (torch.arange(side)[None] + torch.from_numpy(moved)[:, None]).clamp(0, side - 1).to(pixels.device)
            for side, moved in ((height, down), (width, across))
        )
        taken = pixels.movedim(1, -1)[batch, rows[:, :, None], columns[:, None, :]]
        seen += float(weight) * taken.movedim(-1, 1)
    return seen


def zoom_blur(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Average over zooms into the middle."""
    # 1.06 and 1.11 are among them, for 0.06 and 0.11 are more than 6 and 11 hundredths in float64
    factors = np.arange(1, (1.06, 1.11, 1.16, 1.21, 1.26)[severity - 1], 0.01)
    total = pixels.clone()
    for factor in factors:
        rows, columns = (zoom_matrix(side, factor).to(pixels.device) for side in pixels.shape[-2:])
        total += rows @ pixels @ columns.T
    return total / (len(factors) + 1)


def fog(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Lay a fractal cloud over the image, keeping its brightest value."""
    strength, decay = ((0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75))[severity - 1]
    height, width = pixels.shape[-2:]
    side = 1 << (max(height, width, 32) - 1).bit_length()
    noise = np.stack([generator.uniform(-1, 1, (side, side)) for generator in generators])
    cloud = torch.from_numpy(clouds(noise, decay).astype(np.float32)).to(pixels.device)[:, None, :height, :width]
    brightest = pixels.amax(dim=(1, 2, 3), keepdim=True)
    return (pixels + strength * cloud) * brightest / (brightest + strength)


def brightness(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Raise the value of HSV: the largest channel, the others in proportion."""
    value = pixels.amax(dim=1, keepdim=True)
    raised = (value + (0.05, 0.1, 0.15, 0.2, 0.3)[severity - 1]).clamp(max=1)
    return torch.where(value > 0, pixels * raised / value.clamp_min(1e-12), raised)


def contrast(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Draw each channel towards its mean."""
    mean = pixels.mean(dim=(2, 3), keepdim=True)
    return (pixels - mean) * (0.75, 0.5, 0.4, 0.3, 0.15)[severity - 1] + mean


def saturate(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Change the saturation of HSV; grey counts as a red without saturation."""
    times, plus = ((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2))[severity - 1]
    value = pixels.amax(dim=1, keepdim=True)
    spread = value - pixels.amin(dim=1, keepdim=True)
    saturation = spread / value.clamp_min(1e-12)
    wanted = (saturation * times + plus).clamp(0, 1)
    red = torch.tensor([0.0, 1.0, 1.0], device=pixels.device)[:, None, None]
    distance = torch.where(spread > 0, (value - pixels) / spread.clamp_min(1e-12), red)
    return value * (1 - wanted * distance)


def elastic_transform(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Tilt, then displace smoothly at random."""
    height, width = pixels.shape[-2:]
    side = min(height, width)
    constants = ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03))
    alpha, sigma, tilt = (side * constant for constant in constants[severity - 1])
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float64)
    tilts = [tilted_places(grid, tilt, generator) for generator in generators]
    tilted = sampled(pixels, np.stack(tilts), about_centres=True)
    if alpha == 0:
        return tilted
    noise = np.stack([generator.uniform(-1, 1, (2, height, width)) for generator in generators])
    smooth = ndimage.gaussian_filter(noise, (0, 0, sigma, sigma), mode="reflect", truncate=3)
    return sampled(tilted, grid + alpha * np.moveaxis(smooth, 1, -1), about_centres=False)


def pixelate(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Make it smaller and larger again by averaging boxes."""
    scale = (0.95, 0.9, 0.85, 0.75, 0.65)[severity - 1]

    def coarse(image: Image.Image) -> Image.Image:
        small = (int(image.width * scale), int(image.height * scale))
        return image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BOX)

    return _through_pil(pixels, coarse)


def jpeg_compression(pixels: Tensor, severity: int, generators: Generators) -> Tensor:
    """Save as JPEG and load again."""
    quality = (80, 65, 58, 50, 40)[severity - 1]

    def compressed(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _through_pil(pixels, compressed)


def _depthwise(padded: Tensor, kernel: Tensor) -> Tensor:
    channels = padded.shape[1]
    return F.conv2d(padded, kernel.expand(channels, 1, *kernel.shape), groups=channels)


def _through_pil(pixels: Tensor, change: Callable[[Image.Image], Image.Image]) -> Tensor:
    """Change images one by one, in colour where there are three channels, else channel by channel."""
    arrays = (pixels * 255).round().to(torch.uint8).cpu().numpy()
    changed = np.empty_like(arrays)
    for index, image in enumerate(arrays):
        if len(image) == 3:
            changed[index] = np.asarray(change(Image.fromarray(image.transpose(1, 2, 0)))).transpose(2, 0, 1)
        else:
            for channel, values in enumerate(image):
                changed[index, channel] = np.asarray(change(Image.fromarray(values)))
    return torch.from_numpy(changed).to(pixels.device).float() / 255


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
        fog,
        brightness,
        contrast,
        elastic_transform,
        pixelate,
        jpeg_compression,
        speckle_noise,
        gaussian_blur,
        saturate,
    )
}
"""By the names of CIFAR-10-C; the last three are extra ones."""

EXTRA = ("speckle_noise", "gaussian_blur", "saturate", "spatter")
"""Released with the benchmark, but none of its fifteen: published means are without them."""

STANDARD = tuple(name for name in CORRUPTIONS if name not in EXTRA)
"""Those of the benchmark's fifteen that can be made."""

NOT_MADE = {
    "frost": "needs the benchmark's photographs of frost",
    "snow": "its motion blur and blending are not reproduced here",
    "spatter": "its edge detection and distance transform are not reproduced here",
}
"""Those that are not made, and why."""
