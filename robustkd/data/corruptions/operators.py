"""What corruptions are made of: blurring, zooming, clouds, and reading an image between its pixels."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor


def blurred(pixels: Tensor, sigma: float) -> Tensor:
    """Blur by a normal distribution, as a matrix for each axis.

    Args:
        pixels: float32 (B, C, H, W).
        sigma: Its standard deviation in pixels; cut off at four of them.

    Returns:
        The same shape; beyond the border its pixels are repeated.
    """
    rows, columns = (
        torch.from_numpy(ndimage.gaussian_filter1d(np.eye(side), sigma, axis=0, mode="nearest").astype(np.float32))
        for side in pixels.shape[-2:]
    )
    return rows.to(pixels.device) @ pixels @ columns.to(pixels.device).T


def zoom_matrix(side: int, factor: float) -> Tensor:
    """Zoom linearly into the middle of one axis.

    Args:
        side: How long the axis is.
        factor: At least 1.

    Returns:
        float32 (side, side), to multiply the axis with.
    """
    kept = int(np.ceil(side / factor))
    first = (side - kept) // 2
    zoomed = ndimage.zoom(np.eye(side)[first : first + kept], (factor, 1), order=1)
    cut = (len(zoomed) - side) // 2
    return torch.from_numpy(zoomed[cut : cut + side].astype(np.float32))


def clouds(noise: np.ndarray, decay: float) -> np.ndarray:
    """Make fractal clouds by the diamond-square algorithm (Fournier, Fussell, Carpenter 1982); they wrap around.

    Args:
        noise: float64 (B, S, S) in [−1, 1], S a power of two.
        decay: Divides the roughness at each finer step.

    Returns:
        float64 (B, S, S), each from 0 to 1.
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
    """Say where each pixel of an image comes from that is tilted by moving three of its points.

    Args:
        grid: float64 (H, W, 2), each pixel's own place, x before y.
        reach: How far a point moves at the most along each axis, in pixels.
        generator: Draws the moves.

    Returns:
        float64 (H, W, 2).
    """
    height, width = grid.shape[:2]
    centre, third = np.array([height // 2, width // 2], dtype=np.float64), min(height, width) // 3
    before = centre + third * np.array([[1, 1], [1, -1], [-1, -1]])
    after = before + generator.uniform(-reach, reach, before.shape)
    back = np.linalg.solve(np.column_stack([after, np.ones(3)]), before)
    return np.asarray(grid @ back[:2] + back[2])


def sampled(pixels: Tensor, places: np.ndarray, *, about_centres: bool) -> Tensor:
    """Read images between their pixels, linearly.

    Args:
        pixels: float32 (B, C, H, W).
        places: float64 (B, H, W, 2), where to read, in pixels, x before y.
        about_centres: Beyond the border the image is mirrored about its outermost pixels' centres, else its edges.

    Returns:
        The same shape.
    """
    height, width = pixels.shape[-2:]
    size = np.array([width, height])
    scaled = 2 * places / (size - 1) - 1 if about_centres else (2 * places + 1) / size - 1
    grid = torch.from_numpy(scaled.astype(np.float32)).to(pixels.device)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=about_centres)
