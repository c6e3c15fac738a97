"""The operations that corruptions are composed of: blurring, zooming, clouds, and sampling between pixels."""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor


def blurred(pixels: Tensor, sigma: float) -> Tensor:
    """Convolve with a Gaussian, as one matrix for each axis.

    Args:
        pixels: The images, float32 (B, C, H, W).
        sigma: The standard deviation in pixels; the Gaussian is truncated at four standard deviations.

    Returns:
        The blurred images, of the same shape; the border pixels are repeated beyond the border.
    """
    rows, columns = (
        torch.from_numpy(ndimage.gaussian_filter1d(np.eye(side), sigma, axis=0, mode="nearest").astype(np.float32))
        for side in pixels.shape[-2:]
    )
    return rows.to(pixels.device) @ pixels @ columns.to(pixels.device).T


def along_a_line(pixels: Tensor, radius: int, sigma: float, degrees: np.ndarray) -> Tensor:
    """Blur along a line, with weights that fall off from its first pixel.

    This is ImageMagick's motion blur, which the original calls: half a Gaussian over 2·radius + 1 pixels, each read at
    the nearest place on the line, with the border pixels repeated. It rounds to whole grey levels.

    Args:
        pixels: The images, float32 (B, C, H, W).
        radius: The radius in pixels.
        sigma: The standard deviation in pixels.
        degrees: The angle of each image's line, float64 (B,).

    Returns:
        The blurred images, of the same shape.
    """
    along = np.arange(2 * radius + 1)
    weights = np.exp(-(along**2) / (2 * sigma**2))
    weights /= weights.sum()
    angles = np.deg2rad(degrees)
    height, width = pixels.shape[-2:]
    reach = 2 * radius
    padded = F.pad(pixels, (reach,) * 4, mode="replicate")
    across, down = (np.ceil(along[:, None] * part(angles) - 0.5).astype(np.int64) + reach for part in (np.cos, np.sin))
    seen = torch.zeros_like(pixels)
    for image, source, columns, rows in zip(seen, padded, across.T.tolist(), down.T.tolist(), strict=True):
        for weight, column, row in zip(weights.tolist(), columns, rows, strict=True):
            image.add_(source[:, row : row + height, column : column + width], alpha=weight)
    return (seen * 255).round() / 255


@lru_cache(maxsize=128)
def zoom_matrix(side: int, factor: float) -> Tensor:
    """Build the matrix that zooms into the centre of one axis, with linear interpolation.

    Args:
        side: The length of the axis.
        factor: The zoom factor, at least 1.

    Returns:
        The matrix, float32 (side, side), to multiply the axis with.
    """
    kept = int(np.ceil(side / factor))
    first = (side - kept) // 2
    zoomed = ndimage.zoom(np.eye(side)[first : first + kept], (factor, 1), order=1)
    cut = (len(zoomed) - side) // 2
    return torch.from_numpy(zoomed[cut : cut + side].astype(np.float32))


def zoomed(images: Tensor, factor: float) -> Tensor:
    """Zoom into the centre of images, with linear interpolation.

    Args:
        images: float (..., H, W).
        factor: The zoom factor, at least 1.
    """
    rows, columns = (zoom_matrix(side, factor).to(images) for side in images.shape[-2:])
    return rows @ images @ columns.T


def luminance(pixels: Tensor) -> Tensor:
    """Return the luma of colour images (ITU-R BT.601), or the mean of the channels of others, (B, 1, H, W)."""
    if pixels.shape[1] != 3:
        return pixels.mean(dim=1, keepdim=True)
    weights = torch.tensor([0.299, 0.587, 0.114], device=pixels.device)
    return (pixels * weights[:, None, None]).sum(dim=1, keepdim=True)


def clouds(noise: np.ndarray, decay: float) -> np.ndarray:
    """Generate fractal clouds by the diamond-square algorithm (Fournier, Fussell, Carpenter 1982); they wrap around.

    Args:
        noise: The random numbers, float64 (B, S, S) in [−1, 1], where S is a power of two.
        decay: The divisor of the roughness at each finer step.

    Returns:
        The clouds, float64 (B, S, S), each scaled to [0, 1].
    """
    side = noise.shape[-1]
    cloud = np.zeros_like(noise)
    step, rough = side, 100.0
    while step >= 2:
        half = step // 2
        corners = cloud[:, ::step, ::step]
        across = corners + np.roll(corners, -1, 1)
        centres = (across + np.roll(across, -1, 2)) / 4 + rough**2 * noise[:, half::step, half::step]
        cloud[:, half::step, half::step] = centres
        above = centres + np.roll(centres, 1, 1) + corners + np.roll(corners, -1, 2)
        beside = centres + np.roll(centres, 1, 2) + corners + np.roll(corners, -1, 1)
        cloud[:, ::step, half::step] = above / 4 + rough**2 * noise[:, ::step, half::step]
        cloud[:, half::step, ::step] = beside / 4 + rough**2 * noise[:, half::step, ::step]
        step, rough = half, rough / decay
    cloud -= cloud.min(axis=(1, 2), keepdims=True)
    return np.asarray(cloud / cloud.max(axis=(1, 2), keepdims=True))


def tilted_places(grid: np.ndarray, reach: float, generator: np.random.Generator) -> np.ndarray:
    """Return the coordinates at which to sample an image to apply the affine map that moves three of its points.

    Args:
        grid: The coordinates of each pixel, float64 (H, W, 2), x before y.
        reach: The largest move of a point along each axis, in pixels.
        generator: The generator that draws the moves.

    Returns:
        The coordinates for each pixel of the new image, float64 (H, W, 2).
    """
    height, width = grid.shape[:2]
    centre, third = np.array([height // 2, width // 2], dtype=np.float64), min(height, width) // 3
    before = centre + third * np.array([[1, 1], [1, -1], [-1, -1]])
    after = before + generator.uniform(-reach, reach, before.shape)
    back = np.linalg.solve(np.column_stack([after, np.ones(3)]), before)
    return np.asarray(grid @ back[:2] + back[2])


def sampled(pixels: Tensor, places: np.ndarray, *, about_centres: bool) -> Tensor:
    """Sample images between their pixels, with bilinear interpolation.

    Args:
        pixels: The images, float32 (B, C, H, W).
        places: The coordinates to sample at, in pixels, float64 (B, H, W, 2), x before y.
        about_centres: Whether the image is mirrored about the centres of its outermost pixels; otherwise about their
            outer edges.

    Returns:
        The sampled images, of the same shape.
    """
    height, width = pixels.shape[-2:]
    size = np.array([width, height])
    scaled = 2 * places / (size - 1) - 1 if about_centres else (2 * places + 1) / size - 1
    grid = torch.from_numpy(scaled.astype(np.float32)).to(pixels.device)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=about_centres)
