import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from robustkd.data import ImageSet, load_dataset
from robustkd.data.distillation_data import ExtraImages
from robustkd.data.extra_images import extra_images
from robustkd.errors import DataError


def training_set(count: int = 20, channels: int = 3, height: int = 8, width: int = 8) -> ImageSet:
    pixels = torch.zeros((count, channels, height, width), dtype=torch.uint8)
    return ImageSet(pixels, torch.arange(count) % 2, ("a", "b"))


def save(folder: Path, greys: list[int], size: tuple[int, int] = (16, 16)) -> str:
    """Write an image of one grey for each; the name of the folder as extra images."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, grey in enumerate(greys):
        Image.fromarray(np.full((size[1], size[0], 3), grey, np.uint8)).save(folder / f"{place:04}.png")
    return f"images:{folder}"


def numbered(tmp_path: Path, count: int) -> str:
    """A data set of images that are numbered by their grey."""
    pixels = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, 8, 8))
    labels = np.arange(count) % 2
    np.savez(tmp_path / "set.npz", x_train=pixels, y_train=labels, x_test=255 - pixels, y_test=labels)
    return f"npz:{tmp_path / 'set.npz'}"


@given(count=st.integers(1, 40), ratio=st.floats(0.01, 4))
def test_there_are_as_many_as_the_ratio_says(count: int, ratio: float) -> None:
    found = extra_images(ExtraImages("noise", ratio), training_set(count))

    assert len(found) == max(1, round(ratio * count))


@pytest.mark.parametrize("form", [(3, 8, 8), (1, 6, 10)])
def test_noise_has_the_form_of_the_training_set(form: tuple[int, int, int]) -> None:
    found = extra_images(ExtraImages("noise", 2.0), training_set(20, *form))

    assert found.shape == (40, *form)
    assert found.dtype == torch.uint8


def test_noise_is_uniform_over_the_grey_levels() -> None:
    found = extra_images(ExtraImages("noise", 10.0), training_set(60))

    counts = np.bincount(found.flatten().numpy(), minlength=256)
    mean = found.numel() / 256
    assert len(counts) == 256
    assert np.abs(counts - mean).max() < 5 * np.sqrt(mean)


def test_noise_is_always_the_same_and_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = extra_images(ExtraImages("noise", 1.0), training_set())
    torch.manual_seed(2)
    second = extra_images(ExtraImages("noise", 1.0), training_set())
    torch.manual_seed(1)

    assert torch.equal(first, second)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("size", [(8, 8), (16, 16), (4, 4), (30, 20)])
def test_images_of_a_folder_are_resized(
    tmp_path: Path, size: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    name = save(tmp_path, [10, 60, 200], size)

    found = extra_images(ExtraImages(name, 0.3), training_set(10))

    # an image of one grey stays so, in any size
    assert found.shape == (3, 3, 8, 8)
    assert [image.unique().tolist() for image in found] == [[10], [60], [200]]
    assert ("3 of 3 images are cut and resized to 8×8" in capsys.readouterr().err) == (size != (8, 8))


def test_a_turned_photograph_is_turned_upright(tmp_path: Path) -> None:
    image = Image.fromarray(np.repeat([[[0] * 3], [[255] * 3]], [4, 4], axis=0).repeat(8, axis=1).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 3  # stored upside down
    image.save(tmp_path / "turned.png", exif=exif)

    (found,) = extra_images(ExtraImages(f"images:{tmp_path}", 0.1), training_set(10))

    assert found[:, 0].unique().tolist() == [255]
    assert found[:, -1].unique().tolist() == [0]


def test_a_data_set_of_another_form_is_reshaped_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    found = extra_images(ExtraImages("digits", 1.0), training_set(10, 3, 16, 16))

    assert found.shape == (10, 3, 16, 16)
    assert "extra digits: images of 1×8×8 become images of 3×16×16" in capsys.readouterr().err


def test_images_of_a_folder_of_the_size_of_the_training_set_are_taken_as_they_are(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    for place, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{place}.png")

    found = extra_images(ExtraImages(f"images:{tmp_path}", 0.2), training_set(10))

    np.testing.assert_array_equal(found.numpy(), pixels.transpose(0, 3, 1, 2))


def test_colours_become_their_brightness_where_the_training_set_is_grey(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[:, :, 0] = 200
    Image.fromarray(red).save(tmp_path / "red.png")

    found = extra_images(ExtraImages(f"images:{tmp_path}", 0.1), training_set(10, channels=1))

    assert found.shape == (1, 1, 8, 8)
    assert found.unique().tolist() == [round(0.299 * 200)]


def test_folders_within_the_folder_are_searched_too(tmp_path: Path) -> None:
    save(tmp_path / "first", [10])
    save(tmp_path / "second" / "deep", [20])

    found = extra_images(ExtraImages(f"images:{tmp_path}", 0.2), training_set(10))

    assert sorted(image.unique().item() for image in found) == [10, 20]


def test_of_more_images_than_asked_for_some_at_equal_distances_are_taken(tmp_path: Path) -> None:
    name = save(tmp_path, list(range(0, 120, 10)))

    found = extra_images(ExtraImages(name, 0.4), training_set(10))

    assert [image.unique().item() for image in found] == [0, 30, 60, 90]


def test_a_data_set_gives_its_training_images(tmp_path: Path) -> None:
    found = extra_images(ExtraImages(numbered(tmp_path, 12), 0.4), training_set(10, channels=1))

    assert [image.unique().item() for image in found] == [0, 3, 6, 9]


def test_the_digits_can_be_shown_beside_larger_images_in_colour() -> None:
    found = extra_images(ExtraImages("digits", 2.0), training_set(10, 3, 16, 16))

    own = load_dataset("digits").training
    places = [place * len(own) // 20 for place in range(20)]
    grey = own.read(torch.tensor(places)).float()
    assert found.shape == (20, 3, 16, 16)
    assert torch.equal(found[:, 0], found[:, 1])
    assert torch.equal(found[:, 0], found[:, 2])
    # enlarging by two keeps the mean, but for the border
    np.testing.assert_allclose(found.float().mean(dim=(1, 2, 3)), grey.mean(dim=(1, 2, 3)), atol=6)


def test_too_few_images_are_refused_with_the_largest_ratio(tmp_path: Path) -> None:
    name = save(tmp_path, [10, 20, 30])

    with pytest.raises(
        DataError, match=r"has 3 images, and a ratio of 2 asks for 20: the largest ratio is 0\.3$"
    ) as told:
        extra_images(ExtraImages(name, 2.0), training_set(10))

    assert len(str(told.value).splitlines()) == 1


def test_too_few_images_of_a_data_set_are_refused_likewise() -> None:
    with pytest.raises(DataError, match=r"extra digits: has 1297 images, .* the largest ratio is 12\.9"):
        extra_images(ExtraImages("digits", 50.0), training_set(100))


@given(count=st.integers(1, 3_000), held=st.integers(1, 3_000))
@example(count=500, held=733)  # 1.466, of which 1.47 would be too many
def test_the_largest_ratio_that_is_named_is_accepted(
    count: int, held: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    train, name = training_set(count, 1, 1, 1), f"npz:{tmp_path_factory.getbasetemp() / 'held.npz'}"
    pixels, labels = np.arange(held).astype(np.uint8)[:, None, None], np.arange(held) % 2
    np.savez(name.removeprefix("npz:"), x_train=pixels, y_train=labels, x_test=pixels[:1], y_test=labels[:1])
    with pytest.raises(DataError) as refused:
        extra_images(ExtraImages(name, 2 * (held + 1) / count), train)

    (largest,) = re.findall(r"the largest ratio is (\S+)$", str(refused.value))

    assert held * 0.98 - 1 <= len(extra_images(ExtraImages(name, float(largest)), train)) <= held


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_folder_without_images_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no image")

    with pytest.raises(DataError, match=rf"^extra images:.*{name}: there are no images$"):
        extra_images(ExtraImages(f"images:{tmp_path / name}", 0.5), training_set())


def test_a_data_set_that_is_not_known_is_refused_in_one_line() -> None:
    with pytest.raises(DataError, match=r"^unknown data set 'digts': did you mean digits\?$"):
        extra_images(ExtraImages("digts", 0.5), training_set())


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"nothing")

    with pytest.raises(DataError, match=r"bad\.png: not a readable image"):
        extra_images(ExtraImages(f"images:{tmp_path}", 0.1), training_set())
