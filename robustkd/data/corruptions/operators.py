"""The operations that corruptions are composed of: blurring, zooming, clouds, and sampling between pixels."""

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
