from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from robustkd.data import ImageSet
from robustkd.data.class_matching import matched, with_classes_of
from robustkd.data.other_sets import other_set, reshaped
from robustkd.errors import DataError


def image_set(count: int = 20, channels: int = 3, side: int = 8, names: tuple[str, ...] = ("cat", "dog")) -> ImageSet:
    pixels = np.random.default_rng(count).integers(0, 256, (count, channels, side, side), dtype=np.uint8)
    return ImageSet(torch.from_numpy(pixels), torch.arange(count) % len(names), names)


def saved(folder: Path, images: ImageSet, name: str = "other.npz") -> str:
    pixels = images.read(torch.arange(len(images))).permute(0, 2, 3, 1).squeeze(-1).numpy()
    labels = images.labels.numpy()
    np.savez(folder / name, x_test=pixels, y_test=labels, classes=np.array(images.class_names))
    return f"npz:{folder / name}"


def test_a_set_of_the_same_form_is_taken_as_it_is(tmp_path: Path) -> None:
    other = image_set(30)

    found = other_set(saved(tmp_path, other), image_set(20))

    assert torch.equal(found.images.read(torch.arange(30)), other.read(torch.arange(30)))
    assert found.notes == ()


@pytest.mark.parametrize(("channels", "side"), [(1, 8), (3, 16), (1, 4)])
def test_images_get_the_channels_and_the_size_that_networks_were_trained_on(
    tmp_path: Path, channels: int, side: int
) -> None:
    plain = ImageSet(
        torch.tensor([10, 200], dtype=torch.uint8)[:, None, None, None].repeat(1, channels, side, side),
        torch.arange(2),
        ("cat", "dog"),
    )

    found = other_set(saved(tmp_path, plain), image_set(20)).images

    # an image of one grey stays so, in any size and number of channels
    assert found.shape == (3, 8, 8)
    assert {int(value) for value in found.read(torch.tensor([0, 1])).unique()} == {10, 200}


def test_colours_become_their_brightness() -> None:
    red = ImageSet(
        torch.tensor([200, 0, 0], dtype=torch.uint8)[None, :, None, None].repeat(1, 1, 8, 8),
        torch.zeros(1).long(),
        ("a",),
    )

    found = reshaped(red, image_set(channels=1), "red")

    assert found.read(torch.tensor([0])).unique().tolist() == [round(0.299 * 200)]


def test_a_set_that_holds_the_test_images_is_refused(tmp_path: Path) -> None:
    images = image_set(20)

    with pytest.raises(DataError, match="20 of its 20 images are test images of the data"):
        other_set(saved(tmp_path, images), images)


def test_a_few_copies_of_test_images_are_left_out(tmp_path: Path) -> None:
    images, other = image_set(20), image_set(200)
    mixed = ImageSet(
        torch.cat([other.read(torch.arange(200)), images.read(torch.tensor([4]))]), torch.arange(201) % 2, ("a", "b")
    )

    found = other_set(saved(tmp_path, mixed), images)

    assert torch.equal(found.images.read(torch.arange(200)), other.read(torch.arange(200)))
    assert found.notes[0].startswith("1 images of npz:")


def test_photographs_of_any_size_are_cut_to_the_centre(tmp_path: Path) -> None:
    for index, (width, height) in enumerate([(30, 20), (16, 40)]):
        (tmp_path / "x").mkdir(exist_ok=True)
        Image.fromarray(np.full((height, width, 3), 60 * (index + 1), dtype=np.uint8)).save(
            tmp_path / "x" / f"{index}.png"
        )

    found = other_set(f"folder:{tmp_path}", image_set(20)).images

    assert found.shape == (3, 8, 8)
    assert sorted(found.read(torch.arange(2)).unique().tolist()) == [60, 120]


def test_a_set_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.npz") as raised:
        other_set(f"npz:{tmp_path / 'missing.npz'}", image_set())

    assert len(str(raised.value).splitlines()) == 1


def test_other_numbers_of_channels_are_refused() -> None:
    with pytest.raises(DataError, match="images of 2 channels cannot become images of 3"):
        reshaped(image_set(channels=2), image_set(), "odd")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Dog", "cat"], [3, 2]),
        (["car", "boat", "oven"], [1, 0, None]),
        (["Automobile", "sea-lion"], [1, 4]),
        (["0", "3", "9"], [0, 3, None]),
    ],
)
def test_classes_are_found_by_their_names(names: list[str], expected: list[int | None]) -> None:
    assert matched(names, ["ship", "automobile", "cat", "dog", "sea_lion"]) == expected


def test_images_of_other_classes_are_left_out_and_counted() -> None:
    images = image_set(6, names=("dog", "oven", "cat"))

    found, notes = with_classes_of(images, image_set(), "mine")

    assert found.labels.tolist() == [1, 0, 1, 0]
    assert found.class_names == ("cat", "dog")
    assert torch.equal(found.read(torch.arange(4)), images.read(torch.tensor([0, 2, 3, 5])))
    assert notes == ("2 images of mine are left out: the data have no class of their name",)


def test_classes_without_names_have_the_numbers_of_the_data() -> None:
    found, notes = with_classes_of(image_set(4, names=("0", "1")), image_set(), "mine")

    assert found.labels.tolist() == [0, 1, 0, 1]
    assert notes == ("The classes of mine have no names: their numbers were taken for those of the data",)


def test_images_without_any_class_of_the_data_are_refused() -> None:
    with pytest.raises(DataError, match="mine: none of its classes"):
        with_classes_of(image_set(4, names=("oven", "knife")), image_set(), "mine")
