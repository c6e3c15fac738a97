"""The standard evaluation transform, compared with timm's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from robustkd.data.encoded.geometry import StandardEvaluation


def photograph(width: int, height: int) -> Image.Image:
    """An image with edges of all kinds, as a JPEG decodes it."""
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    waves = 127 + 127 * np.sin(across / 7) * np.cos(down / 5)
    noise = np.random.default_rng(0).integers(0, 256, (height, width))
    return Image.fromarray(np.stack([waves, noise, (across // 16 + down // 16) % 2 * 255], -1).astype(np.uint8))


def timms(image: Image.Image, size: int, crop_pct: float, interpolation: str) -> np.ndarray:
    from timm.data import create_transform

    transform = create_transform(
        (3, size, size),
        is_training=False,
        crop_pct=crop_pct,
        interpolation=interpolation,
        mean=(0, 0, 0),
        std=(1, 1, 1),
    )
    return np.moveaxis(np.asarray(transform(image)) * 255, 0, -1).round().astype(np.uint8)


@pytest.mark.parametrize(
    "size_of_file", [(341, 256), (500, 375), (375, 500), (301, 300), (64, 99), (256, 256), (97, 640)]
)
@pytest.mark.parametrize(
    ("size", "crop_pct", "interpolation"),
    [
        (224, 0.875, "bicubic"),
        (224, 0.9, "bicubic"),
        (240, 0.882, "bilinear"),
        (32, 1.0, "bicubic"),
        (299, 0.95, "lanczos"),
    ],
)
def test_the_images_are_those_of_timm(
    size_of_file: tuple[int, int], size: int, crop_pct: float, interpolation: str
) -> None:
    image = photograph(*size_of_file)

    ours = np.asarray(StandardEvaluation(int(size / crop_pct), size, interpolation, size)(image))

    assert np.array_equal(ours, timms(image, size, crop_pct, interpolation))


@given(width=st.integers(40, 200), height=st.integers(40, 200), resize=st.integers(40, 60), crop=st.integers(30, 40))
def test_the_centre_of_a_larger_result_is_the_crop(width: int, height: int, resize: int, crop: int) -> None:
    image = photograph(width, height)

    whole = np.asarray(StandardEvaluation(resize, crop, "bicubic", resize)(image))
    start = round((resize - crop) / 2)

    assert whole.shape == (resize, resize, 3)
    centre = whole[start : start + crop, start : start + crop]
    assert np.array_equal(centre, np.asarray(StandardEvaluation(resize, crop, "bicubic", crop)(image)))


@pytest.mark.parametrize("size", [(1, 40_000), (40_000, 1)])
def test_a_very_long_image_needs_little_memory(size: tuple[int, int]) -> None:
    assert (
        StandardEvaluation(256, 224, "bicubic", 224)(Image.new("RGB", size, "white")).getextrema() == ((255, 255),) * 3
    )
