"""Snow, spatter and frost against the benchmark's algorithms, written again pixel by pixel in float64.

Measured on 40 test images of CIFAR-10 and on one of 88×90 pixels, the mean absolute difference is at most 0.001 grey
levels for snow and 0.21 for spatter, where rounding moves a pixel across the threshold of a drop now and then. OpenCV's
Canny edges, distance transform and histogram equalisation are written from its documented algorithms.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

import robustkd.data.corruptions
from robustkd.data import Dataset
from robustkd.data.corruptions import corrupt
from robustkd.data.corruptions.frost import generated_textures, read_textures
from robustkd.data.corruptions.spatter import distances_to, edges, equalised
from robustkd.errors import DataError

from .imagemagick import imagemagick_motion_blur, to_8_bits

SNOW = {
    32: ((0.1, 0.2, 1, 0.6, 8, 3, 0.95), (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8)),
    88: ((0.1, 0.3, 3, 0.5, 10, 4, 0.8), (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55)),
}
"""By the height of images, the constants of severities 1 and 5."""

SPATTER = {
    32: ((0.62, 0.1, 0.7, 0.7, 0.5), (0.65, 0.1, 0.5, 0.68, 0.6)),
    88: ((0.65, 0.3, 4, 0.69, 0.6), (0.67, 0.4, 1, 0.65, 1.5)),
}

BOUNDS = {"snow": 0.002, "spatter": 0.3}
"""Upper bounds of the mean absolute difference, in grey levels."""


def clipped_zoom(image: np.ndarray, factor: float) -> np.ndarray:
    kept = [int(np.ceil(side / factor)) for side in image.shape]
    first = [(side - each) // 2 for side, each in zip(image.shape, kept, strict=True)]
    part = image[first[0] : first[0] + kept[0], first[1] : first[1] + kept[1]]
    zoomed = ndimage.zoom(part, factor, order=1)
    cut = [(side - other) // 2 for side, other in zip(zoomed.shape, image.shape, strict=True)]
    return np.asarray(zoomed[cut[0] : cut[0] + image.shape[0], cut[1] : cut[1] + image.shape[1]])


def reference_snow(image: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
    mean, deviation, zoom, threshold, radius, sigma, kept = SNOW[len(image)][severity // 5]
    layer = clipped_zoom(generator.normal(mean, deviation, image.shape[:2]), zoom)
    layer[layer < threshold] = 0
    flakes = np.uint8(np.clip(layer, 0, 1) * 255)
    layer = to_8_bits(imagemagick_motion_blur(flakes, radius, sigma, generator.uniform(-135, -45))) / 255
    pixels = image / 255
    grey = pixels @ [0.299, 0.587, 0.114]
    white = np.maximum(pixels, (grey * 1.5 + 0.5)[..., None])
    seen = kept * pixels + (1 - kept) * white + (layer + np.rot90(layer, 2))[..., None]
    return np.uint8(np.clip(seen, 0, 1) * 255)


def reference_edges(image: np.ndarray) -> np.ndarray:
    """Canny edges with the thresholds 50 and 150, pixel by pixel."""
    height, width = image.shape
    seen = np.pad(image.astype(int), 1, "edge")
    dx, dy, size = (np.zeros((height + 2, width + 2), dtype=int) for _ in range(3))
    for row in range(1, height + 1):
        for column in range(1, width + 1):
            part = seen[row - 1 : row + 2, column - 1 : column + 2]
            dx[row, column] = part[:, 2] @ [1, 2, 1] - part[:, 0] @ [1, 2, 1]
            dy[row, column] = part[2] @ [1, 2, 1] - part[0] @ [1, 2, 1]
            size[row, column] = abs(dx[row, column]) + abs(dy[row, column])
    state = np.zeros_like(size)
    for row in range(1, height + 1):
        for column in range(1, width + 1):
            x, y, own = abs(dx[row, column]), abs(dy[row, column]), size[row, column]
            if y < x * np.tan(np.pi / 8):
                first, second, equal = (row, column - 1), (row, column + 1), True
            elif y > x * np.tan(3 * np.pi / 8):
                first, second, equal = (row - 1, column), (row + 1, column), True
            else:
                turn = -1 if (dx[row, column] < 0) != (dy[row, column] < 0) else 1
                first, second, equal = (row - 1, column - turn), (row + 1, column + turn), False
            largest = own > size[first] and (own > size[second] or (equal and own == size[second]))
            state[row, column] = (1 if largest and own > 50 else 0) + (1 if largest and own > 150 else 0)
    waiting = list(zip(*np.nonzero(state == 2), strict=True))
    while waiting:
        row, column = waiting.pop()
        for near in ((row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)):
            if state[near] == 1:
                state[near] = 2
                waiting.append(near)
    return np.asarray(state[1:-1, 1:-1] == 2)


def reference_distances(edge: np.ndarray) -> np.ndarray:
    """The distances of OpenCV's 5×5 mask, relaxed until nothing changes."""
    moves = {(0, 1): 1.0, (1, 1): 1.4, (1, 2): 2.1969, (2, 1): 2.1969}
    found = np.where(edge, 0, 8192.0)
    while True:
        before = found.copy()
        padded = np.pad(found, 2, constant_values=8192.0)
        height, width = found.shape
        for (small, large), cost in moves.items():
            for down, across in {(small, large), (large, small)}:
                for turn_down in (-1, 1):
                    for turn in (-1, 1):
                        row, column = 2 + turn_down * down, 2 + turn * across
                        found = np.minimum(found, padded[row : row + height, column : column + width] + cost)
        if np.array_equal(before, found):
            return found


def reference_spatter(image: np.ndarray, severity: int, generator: np.random.Generator) -> np.ndarray:
    mean, deviation, sigma, threshold, strength = SPATTER[len(image)][severity // 5]
    liquid = ndimage.gaussian_filter(generator.normal(mean, deviation, image.shape[:2]), sigma, mode="nearest")
    liquid[liquid < threshold] = 0
    pixels = image / 255
    if severity == 5:
        layer = ndimage.gaussian_filter((liquid > threshold).astype(float), strength, mode="nearest")
        layer[layer < 0.8] = 0
        seen = pixels * (1 - layer[..., None]) + layer[..., None] * np.array([63, 42, 20]) / 255
        return np.uint8(np.clip(seen, 0, 1) * 255)
    drops = np.uint8(liquid * 255)
    depth = np.minimum(reference_distances(reference_edges(drops)), 20)
    depth = np.uint8(mean_of_neighbours(depth))
    counts = np.bincount(depth.ravel(), minlength=256)
    counts[depth.min()] = 0
    if counts.sum():
        depth = np.uint8(np.rint(counts.cumsum() * 255 / counts.sum())[depth])
    padded = np.pad(depth.astype(int), 1, "reflect")
    lit = np.zeros(depth.shape)
    for row, weights in enumerate(((-2, -1, 0), (-1, 1, 1), (0, 1, 2))):
        for column, weight in enumerate(weights):
            lit += weight * padded[row : row + len(depth), column : column + depth.shape[1]]
    shading = drops * np.rint(mean_of_neighbours(lit.clip(0, 255)))
    shading = shading / max(shading.max(), 1)
    seen = pixels + strength * shading[..., None] * np.array([175, 238, 238]) / 255
    return np.uint8(np.clip(seen, 0, 1) * 255)


def mean_of_neighbours(values: np.ndarray) -> np.ndarray:
    padded, (height, width) = np.pad(values.astype(float), 1, "reflect"), values.shape
    return sum(padded[row : row + height, column : column + width] for row in range(3) for column in range(3)) / 9


@pytest.fixture(params=["real", "large"])
def images(request: pytest.FixtureRequest) -> np.ndarray:
    """Uint8 (N, H, W, 3)."""
    if request.param == "large":
        smooth = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(88, 90, 3)), (3, 3, 0))
        return np.uint8(255 * (smooth - smooth.min()) / np.ptp(smooth))[None]
    data: Dataset = request.getfixturevalue("cifar10")
    return data.test.read(torch.arange(12)).permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("severity", [1, 5])
@pytest.mark.parametrize(("name", "reference"), [("snow", reference_snow), ("spatter", reference_spatter)])
def test_with_the_same_random_numbers_the_image_is_that_of_the_benchmark(
    name: str, reference: object, severity: int, images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generators(*_: object) -> list[np.random.Generator]:
        return [np.random.default_rng(index) for index in range(len(images))]

    monkeypatch.setattr(robustkd.data.corruptions, "image_generators", generators)
    assert callable(reference)
    expected = np.stack([reference(image, severity, each) for image, each in zip(images, generators(), strict=True)])

    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    found = corrupt(pixels, name, severity, 0, range(len(images))).permute(0, 2, 3, 1).numpy()

    assert np.abs(found.astype(int) - expected.astype(int)).mean() <= BOUNDS[name]
    assert np.abs(images.astype(int) - expected.astype(int)).mean() > 0.5


def test_frost_is_a_weighted_sum_with_a_part_of_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Severity 3: 0.9 of the image and 0.4 of the part of picture 1 that begins at row 5 and column 7."""

    class Drawn:
        def __init__(self) -> None:
            self.numbers = iter((1, 5, 7))

        def integers(self, *_: int) -> int:
            return next(self.numbers)

    monkeypatch.setattr(robustkd.data.corruptions, "image_generators", lambda *_: [Drawn()])
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    pictures = random.integers(0, 256, (2, 50, 60, 3), dtype=np.uint8)

    found = corrupt(torch.from_numpy(image.transpose(2, 0, 1).copy())[None], "frost", 3, 0, [0], list(pictures))

    expected = np.clip(0.9 * image + 0.4 * pictures[1, 5:37, 7:39], 0, 255)
    assert np.abs(found[0].permute(1, 2, 0).numpy() - np.floor(expected + 1e-3)).max() <= 1


@pytest.mark.parametrize("unit", [1, 4])
def test_generated_frost_is_light_blue_and_full_of_contrast(unit: int) -> None:
    pictures = generated_textures(256, unit)

    assert len(pictures) == 5
    for picture in pictures:
        red, green, blue = picture.reshape(-1, 3).mean(axis=0)
        assert 80 < red < green < blue < 180
        assert picture[..., 1].std() > 20
    assert not np.array_equal(pictures[0], pictures[1])


def test_photographs_of_frost_are_shrunk_for_small_images_only(tmp_path: Path) -> None:
    Image.fromarray(np.full((500, 600, 3), 200, dtype=np.uint8)).save(tmp_path / "a.png")

    assert read_textures(tmp_path, 32, 32)[0].shape == (100, 120, 3)
    assert read_textures(tmp_path, 224, 224)[0].shape == (500, 600, 3)
    with pytest.raises(
        DataError, match="with 500×600 pixels, as used for these images, it must be larger than 512×512"
    ):
        read_textures(tmp_path, 512, 512)
    with pytest.raises(DataError, match="has no photographs of frost"):
        read_textures(tmp_path / "none", 32, 32)


def test_edges_and_distances_are_those_of_the_pixel_by_pixel_reference() -> None:
    image = np.uint8(ndimage.gaussian_filter(np.random.default_rng(1).integers(0, 256, (30, 41)).astype(float), 1.0))

    found = edges(image, 50, 150)

    assert 0.02 < found.mean() < 0.5
    np.testing.assert_array_equal(found, reference_edges(image))
    np.testing.assert_allclose(distances_to(found), reference_distances(found), atol=1e-9)


def test_equalising_spreads_levels_by_how_many_pixels_are_below() -> None:
    """Levels 3, 5 and 9 on 2, 1 and 1 pixels: 0, then 1/2 and 2/2 of 255."""
    np.testing.assert_array_equal(equalised(np.uint8([[3, 3], [5, 9]])), [[0, 0], [128, 255]])
    np.testing.assert_array_equal(equalised(np.uint8([[4, 4]])), [[4, 4]])
