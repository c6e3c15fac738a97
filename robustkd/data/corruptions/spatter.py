"""Spatter: drops of water or of mud on the lens; an extra corruption of the benchmark.

The original computes the shading of the drops with OpenCV; `edges`, `distances_to`, `equalised` and the 3×3 filters
below follow its algorithms.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from robustkd.data.corruptions.operators import blurred, luminance
from robustkd.data.image_random import Generators

WATER = (175 / 255, 238 / 255, 238 / 255)
MUD = (63 / 255, 42 / 255, 20 / 255)

Drops = tuple[float, float, float, float, float, str]


def spatter(pixels: Tensor, constants: Drops, generators: Generators) -> Tensor:
    """Splash water or mud on the image.

    The constants are mean and standard deviation of the noise that drops grow from, the Gaussian that smooths it, the
    threshold above which it is a drop, the strength of water or the Gaussian that smooths mud, and which it is.
    """
    mean, deviation, sigma, threshold, strength, kind = constants
    shape = tuple(pixels.shape[-2:])
    noise = np.stack([generator.standard_normal(shape) for generator in generators])
    liquid = blurred(torch.from_numpy((mean + deviation * noise).astype(np.float32))[:, None], sigma)[:, 0]
    drops = torch.where(liquid < threshold, 0.0, liquid)
    if kind == "water":
        shading = np.stack([_water(each) for each in (drops.numpy() * 255).astype(np.uint8)])
        layer = strength * torch.from_numpy(shading.astype(np.float32))[:, None].to(pixels.device)
        return pixels + layer * _colour(WATER, pixels)
    layer = blurred((drops > threshold).float()[:, None], strength).to(pixels.device)
    layer = torch.where(layer < 0.8, 0.0, layer)
    return pixels * (1 - layer) + layer * _colour(MUD, pixels)


def _colour(colour: tuple[float, float, float], pixels: Tensor) -> Tensor:
    """The colour of a liquid, as grey where images are."""
    told = torch.tensor(colour, device=pixels.device)[None, :, None, None]
    return told if pixels.shape[1] == 3 else luminance(told)


def _water(drops: np.ndarray) -> np.ndarray:
    """The lightness of water, brightest in the middle of drops and at their lower right, float64 (H, W), 0 to 1."""
    depth = np.minimum(distances_to(edges(drops, 50, 150)), 20)
    depth = equalised(_mean_of_neighbours(depth).astype(np.uint8))
    relief = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    lit = ndimage.correlate(depth.astype(np.float64), relief, mode="mirror").clip(0, 255)
    shading = drops * np.rint(_mean_of_neighbours(lit))
    brightest = shading.max()
    return np.asarray(shading / brightest if brightest > 0 else shading)


def _mean_of_neighbours(values: np.ndarray) -> np.ndarray:
    return np.asarray(ndimage.correlate(values.astype(np.float64), np.full((3, 3), 1 / 9), mode="mirror"))


def edges(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """Find edges (Canny 1986) with OpenCV's choices: Sobel filters, no smoothing, |dx| + |dy| as the gradient.

    Args:
        image: uint8 (H, W).
        low: The gradient above which a pixel continues an edge.
        high: The gradient above which it begins one.

    Returns:
        bool (H, W).
    """
    across, down = (ndimage.sobel(image.astype(np.int64), axis, mode="nearest") for axis in (1, 0))
    size = np.abs(across) + np.abs(down)
    padded = np.pad(size, 1)

    def beside(rows: int, columns: int) -> np.ndarray:
        height, width = size.shape
        return padded[1 + rows : 1 + rows + height, 1 + columns : 1 + columns + width]

    # OpenCV compares the slope with tan 22.5° and tan 67.5° = 2 + tan 22.5° in whole numbers
    steep, flat = np.abs(down) << 15, np.abs(across) * 13573
    horizontal, vertical = steep < flat, steep > flat + (np.abs(across) << 16)
    falling = (across ^ down) < 0
    largest = np.where(
        horizontal,
        (size > beside(0, -1)) & (size >= beside(0, 1)),
        np.where(
            vertical,
            (size > beside(-1, 0)) & (size >= beside(1, 0)),
            np.where(
                falling,
                (size > beside(-1, 1)) & (size > beside(1, -1)),
                (size > beside(-1, -1)) & (size > beside(1, 1)),
            ),
        ),
    )
    candidates = largest & (size > low)
    parts, count = ndimage.label(candidates, structure=np.ones((3, 3)))
    begun = np.unique(parts[candidates & (size > high)])
    return np.asarray(np.isin(parts, begun[begun > 0])) if count else candidates


def distances_to(edge: np.ndarray) -> np.ndarray:
    """Return each pixel's distance to the nearest edge, in steps to 16 neighbours (Borgefors 1986).

    A step costs 1 to the side, 1.4 along a diagonal and 2.1969 as a knight moves, as in OpenCV's 5×5 mask.

    Args:
        edge: bool (H, W).

    Returns:
        float64 (H, W); a large number without any edge.
    """
    found = np.where(edge, 0.0, 8192.0)
    # one pass from above and one from below see all shortest ways
    return _from_above(_from_above(found)[::-1, ::-1])[::-1, ::-1]


def _from_above(distances: np.ndarray) -> np.ndarray:
    height, width = distances.shape
    found = np.full((height + 2, width + 4), 8192.0)
    found[2:, 2:-2] = distances
    place = np.arange(width, dtype=np.float64)
    for row in range(2, height + 2):
        above, second = found[row - 1], found[row - 2]
        ways = [above[2:-2] + 1, above[1:-3] + 1.4, above[3:-1] + 1.4]
        ways += [each + 2.1969 for each in (above[:-4], above[4:], second[1:-3], second[3:-1])]
        own = np.minimum.reduce([found[row, 2:-2], *ways])
        # along the row, every step costs 1
        found[row, 2:-2] = np.minimum.accumulate(own - place) + place
    return found[2:, 2:-2]


def equalised(image: np.ndarray) -> np.ndarray:
    """Spread grey levels so that their cumulative histogram is a line from 0 to 255, uint8 (H, W)."""
    counts = np.bincount(image.ravel(), minlength=256)
    first = int(counts.nonzero()[0][0])
    others = image.size - counts[first]
    if others == 0:
        return image
    above = np.where(np.arange(256) > first, counts, 0).cumsum()
    return np.rint(above * (255 / others)).clip(0, 255).astype(np.uint8)[image]
