"""Glass blur and motion blur against the benchmark's `make_cifar_c.py`, written again from its published algorithm.

Measured on the first 40 test images of CIFAR-10 and on 40 random images, the mean absolute difference is at most 0.017
grey levels for glass blur (a flat area may be one level lower there, because its float64 arithmetic gives 99.999… where
the exact value is 100) and at most 0.00002 for motion blur.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

import robustkd.data.corruptions
from robustkd.data import Dataset
from robustkd.data.corruptions import corrupt

from .imagemagick import imagemagick_motion_blur, to_8_bits

GLASS = ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2))
"""Standard deviation, largest move, rounds."""

LARGE_GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
"""The same for images of 224×224."""

MOTION = ((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5))
"""Radius, standard deviation."""

LARGE_MOTION = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))
"""The same for images of 224×224."""

COUNT = 40


def gaussian(image: np.ndarray, sigma: float) -> np.ndarray:
    """The Gaussian filter of scikit-image: border pixels repeated, truncated at four standard deviations."""
    return ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="nearest", truncate=4)


def reference_glass_blur(image: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Blur uint8 (H, W, 3), copy a random neighbour over each pixel in turn, blur again; truncate to uint8 twice."""
    sigma, reach, rounds = (GLASS if len(image) < 85 else LARGE_GLASS)[severity - 1]
    height, width = image.shape[:2]
    seen = np.uint8(gaussian(image / 255, sigma) * 255)
    moves = iter(generator.integers(-reach, reach, (rounds * (height - 2 * reach) * (width - 2 * reach), 2)))
    for _ in range(rounds):
        for row in range(height - reach, reach, -1):
            for column in range(width - reach, reach, -1):
                across, down = next(moves)
                seen[row, column] = seen[row + down, column + across]
    return np.uint8(np.clip(gaussian(seen / 255, sigma), 0, 1) * 255)


def reference_motion_blur(image: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
    """Blur uint8 (H, W, 3) by ImageMagick."""
    constants = (MOTION if len(image) < 85 else LARGE_MOTION)[severity - 1]
    return to_8_bits(imagemagick_motion_blur(image, *constants, generator.uniform(-45, 45)))


REFERENCES = {"glass_blur": reference_glass_blur, "motion_blur": reference_motion_blur}

BOUNDS = {"glass_blur": (0.02, 2), "motion_blur": (0.0001, 1)}
"""Upper bounds of the mean and of the largest absolute difference, in grey levels."""


@pytest.fixture(params=["random", "real", "large"])
def images(request: pytest.FixtureRequest) -> np.ndarray:
    """Uint8 (N, H, W, 3)."""
    if request.param == "random":
        return np.random.default_rng(0).integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    if request.param == "large":
        smooth = gaussian(np.random.default_rng(0).normal(size=(88, 90, 3)), 2)
        return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))[None]
    data: Dataset = request.getfixturevalue("cifar10")
    return data.test.read(torch.arange(COUNT)).permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("name", ["glass_blur", "motion_blur"])
def test_a_blur_with_the_same_random_numbers_is_that_of_the_benchmark(
    name: str, severity: int, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generators(*_: object) -> list[np.random.Generator]:
        return [np.random.default_rng(index) for index in range(len(images))]

    monkeypatch.setattr(robustkd.data.corruptions, "image_generators", generators)
    expected = [REFERENCES[name](*each) for each in zip(images, [severity] * len(images), generators(), strict=True)]

    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    found = corrupt(pixels, name, severity, 0, range(len(images))).permute(0, 2, 3, 1).numpy()

    differences = np.abs(found.astype(int) - np.stack(expected).astype(int))
    mean, largest = BOUNDS[name]
    assert differences.mean() <= mean
    assert differences.max() <= largest


def test_the_reference_of_motion_blur_is_imagemagick_itself() -> None:
    """The file holds grey images, and what ImageMagick 6.9.11-60 (Q16) makes of them, one for each severity.

    Made by ``convert IMAGE.png -motion-blur RADIUSxSIGMA+ANGLE -depth 16 gray:-``.
    """
    with np.load(Path(__file__).parent / "imagemagick_motion_blur.npz") as file:
        images, angles, blurred = file["images"], file["angles"], file["blurred"]

    for image, constants, angle, expected in zip(images, MOTION, angles, blurred, strict=True):
        found = imagemagick_motion_blur(image, *constants, angle) * 257
        assert np.abs(found - expected).max() <= 0.5 + 1e-6  # rounded to 16 bits
