"""What becomes of images that are not plain 8-bit RGB: the right pixels, and a sentence for each kind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from robustkd.data import Dataset, load_dataset
from robustkd.errors import DataError

WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def load(folder: Path, options: str = "") -> Dataset:
    return load_dataset(f"folder:{folder}{options}")


def pixels(dataset: Dataset, index: int = 0) -> np.ndarray:
    """Return an image, (H, W, 3)."""
    return np.moveaxis(dataset.test.read(torch.tensor([index])).numpy()[0], 0, -1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "album" / "a").mkdir(parents=True)
    return tmp_path / "album"


def rgba() -> Image.Image:
    """Two pixels: opaque black, and a black one that is fully transparent."""
    return Image.fromarray(np.array([[[0, 0, 0, 255], [0, 0, 0, 0]]], np.uint8), "RGBA")


def with_transparent_colour(mode: str) -> tuple[Image.Image, dict[str, object]]:
    """Two pixels, of which the second has the colour that stands for transparency."""
    image = Image.fromarray(np.array([[0, 7]], np.uint8))
    if mode == "P":
        image = image.convert("P")
        image.putpalette([0, 0, 0] + [9] * 15 + [0] * 3 * 250)
        image.putdata([0, 7])
        return image, {"transparency": 7}
    return image.convert(mode), {"transparency": 7 if mode == "L" else (7, 7, 7)}


SEEN_THROUGH: dict[str, Callable[[], tuple[Image.Image, dict[str, object]]]] = {
    "RGBA": lambda: (rgba(), {}),
    "LA": lambda: (rgba().convert("LA"), {}),
    "palette": lambda: with_transparent_colour("P"),
    "grey with a transparent level": lambda: with_transparent_colour("L"),
    "RGB with a transparent colour": lambda: with_transparent_colour("RGB"),
}


@pytest.mark.parametrize("kind", SEEN_THROUGH)
def test_transparent_pixels_become_white_which_is_said(folder: Path, kind: str) -> None:
    image, options = SEEN_THROUGH[kind]()
    image.save(folder / "a" / "0.png", **options)

    dataset = load(folder)

    assert [tuple(pixel) for pixel in pixels(dataset)[0]] == [BLACK, WHITE]
    assert dataset.remarks == (
        "1 of 1 images has an alpha channel or a transparent colour: transparent pixels become white "
        "(@background=black for black)",
    )


def test_a_half_transparent_pixel_is_mixed_with_the_background(folder: Path) -> None:
    Image.new("RGBA", (1, 1), (0, 100, 200, 51)).save(folder / "a" / "0.png")  # 51 / 255 = 1/5

    assert pixels(load(folder))[0, 0].tolist() == [204, 224, 244]  # 4/5 · 255 + 1/5 · colour
    assert pixels(load(folder, "@background=black"))[0, 0].tolist() == [0, 20, 40]


def test_transparency_is_part_of_the_digest_only_where_pixels_are_transparent(folder: Path, tmp_path: Path) -> None:
    rgba().save(folder / "a" / "0.png")
    on_white, on_black = load(folder).digest, load(folder, "@background=black").digest
    assert on_white != on_black

    Image.new("RGBA", (2, 1), (1, 2, 3, 255)).save(folder / "a" / "0.png")
    assert load(folder).digest == load(folder, "@background=black").digest


def test_the_digest_of_a_plain_folder_is_that_of_version_0_1(folder: Path) -> None:
    import hashlib

    file = folder / "a" / "0.png"
    Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3)).save(file)

    for options, shape in (("", (1, 3, 2, 4)), ("@8", (1, 3, 8, 8))):
        files = hashlib.sha256(repr(shape).encode() + hashlib.sha256(file.read_bytes()).digest()).hexdigest()
        expected = hashlib.sha256(repr(shape).encode() + files.encode() + np.zeros(1, np.int64).tobytes()).hexdigest()
        assert load(folder, options).test.digest == expected


def with_orientation(file: Path, orientation: int) -> np.ndarray:
    """Save an image of 2×3 pixels, and return how it looks upright."""
    stored = Image.fromarray(np.arange(0, 180, 10, dtype=np.uint8).reshape(2, 3, 3))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(file, exif=exif, **({"quality": 100} if file.suffix == ".jpg" else {}))
    with Image.open(file) as opened:
        return np.array(ImageOps.exif_transpose(opened).convert("RGB"))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_an_orientation_is_ignored_or_applied_and_counted(folder: Path, suffix: str, orientation: int) -> None:
    file = folder / "a" / f"0{suffix}"
    upright = with_orientation(file, orientation)

    ignored, applied = load(folder), load(folder, "@exif=apply")

    assert np.array_equal(pixels(ignored), np.array(Image.open(file).convert("RGB")))
    assert np.array_equal(pixels(applied), upright)
    assert ignored.remarks == (
        "1 of 1 images has an orientation in EXIF, which is ignored, as torchvision and timm do; @exif=apply turns "
        "images upright",
    )
    assert applied.remarks == (
        "1 of 1 images has an orientation in EXIF, which is applied; torchvision and timm ignore it",
    )
    assert ignored.digest != applied.digest


def test_an_upright_image_has_nothing_said_of_it_and_keeps_its_digest(folder: Path) -> None:
    with_orientation(folder / "a" / "0.jpg", 1)

    assert load(folder).remarks == load(folder, "@exif=apply").remarks == ()
    assert load(folder).digest == load(folder, "@exif=apply").digest


def test_images_that_differ_in_size_only_because_they_are_turned_are_of_one_size_upright(folder: Path) -> None:
    with_orientation(folder / "a" / "0.png", 6)
    Image.new("RGB", (2, 3)).save(folder / "a" / "1.png")

    assert load(folder).test.photographs
    assert load(folder, "@exif=apply").test.shape == (3, 3, 2)


@pytest.mark.parametrize("suffix", [".gif", ".tiff", ".png", ".webp"])
def test_of_several_pages_the_first_is_read_which_is_said(folder: Path, suffix: str) -> None:
    first, second = Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), WHITE)
    first.save(
        folder / "a" / f"0{suffix}",
        save_all=True,
        append_images=[second],
        **({"lossless": True} if suffix == ".webp" else {}),
    )

    dataset = load(folder)

    assert (pixels(dataset) == np.array(RED)).all()
    assert "1 of 1 images has several pages or frames, of which the first is read" in dataset.remarks


def test_a_cmyk_jpeg_is_not_inverted(folder: Path) -> None:
    page = Image.new("CMYK", (16, 8), (0, 0, 0, 0))  # paper
    page.paste((0, 255, 255, 0), (8, 0, 16, 8))  # magenta and yellow: red
    page.save(folder / "a" / "0.jpg", quality=100)

    image = pixels(load(folder)).astype(int)

    assert np.abs(image[:, :8] - WHITE).max() <= 2
    assert np.abs(image[:, 8:] - RED).max() <= 2


def test_a_cmyk_jpeg_of_adobe_stores_inverted_inks(folder: Path) -> None:
    page = Image.new("CMYK", (8, 8), (0, 0, 0, 0))
    page.save(folder / "a" / "0.jpg", quality=100)
    assert b"Adobe" in (folder / "a" / "0.jpg").read_bytes()  # the mark that says so

    assert pixels(load(folder)).min() >= 253


def test_a_palette_gives_its_colours(folder: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50] + [0] * 3 * 254)
    image.putdata([1, 0])
    image.save(folder / "a" / "0.png")

    assert pixels(load(folder))[0].tolist() == [[200, 100, 50], [10, 20, 30]]


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_more_than_eight_bits_per_channel_are_refused_when_the_folder_is_loaded(folder: Path, mode: str) -> None:
    Image.new(mode, (2, 2)).save(folder / "a" / "0.tiff")

    with pytest.raises(DataError, match=r"0\.tiff: has more than 8 bits per channel \(mode .*\); convert it to 8 bits"):
        load(folder)


def test_squash_resizes_the_whole_image(folder: Path) -> None:
    halves = np.zeros((4, 8, 3), np.uint8)
    halves[:, 4:] = 200
    Image.fromarray(halves).save(folder / "a" / "0.png")

    squashed = pixels(load(folder, "@squash=4"))[..., 0]

    assert squashed.shape == (4, 4)
    assert (squashed[:, 0] < 20).all()
    assert (squashed[:, 3] > 180).all()
    assert load(folder, "@squash=4").digest != load(folder, "@4").digest
