"""What the benchmark calls ImageMagick for, in NumPy."""

import numpy as np


def imagemagick_motion_blur(image: np.ndarray, radius: float, sigma: float, angle: float) -> np.ndarray:
    """ImageMagick's -motion-blur before it rounds, float64, in units of the image's own values.

    A kernel of 2⌈radius⌉ + 1 weights exp(−i²/2σ²); weight i takes the pixel i steps along the line at this angle,
    nearest to it (⌈x − ½⌉), with the image's outermost pixels repeated beyond its border.
    """
    steps = np.arange(2 * int(np.ceil(radius)) + 1)
    weights = np.exp(-(steps**2) / (2 * sigma**2))
    across = np.ceil(steps * np.cos(np.deg2rad(angle)) - 0.5).astype(int)
    down = np.ceil(steps * np.sin(np.deg2rad(angle)) - 0.5).astype(int)
    border = len(steps)
    padded = np.pad(image.astype(float), [(border, border), (border, border)] + [(0, 0)] * (image.ndim - 2), "edge")
    height, width = image.shape[:2]
    total = np.zeros(image.shape)
    for weight, x, y in zip(weights / weights.sum(), across, down, strict=True):
        total += weight * padded[border + y : border + y + height, border + x : border + x + width]
    return total


def to_8_bits(values: np.ndarray) -> np.ndarray:
    """Round grey levels to ImageMagick's 16 bits, and then to 8 (`ScaleQuantumToChar`)."""
    quantum = np.floor(values * 257 + 0.5).astype(np.int64) + 128
    return np.uint8((quantum - (quantum >> 8)) >> 8)
