from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from robustkd.data import ImageSet
from robustkd.data.cue_conflicts import cue_conflict_folder
from robustkd.errors import DataError

LIKE = ImageSet(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.arange(4), ("ship", "cat", "truck", "automobile"))


def saved(folder: Path, *names: str, size: tuple[int, int] = (20, 16)) -> str:
    for place, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(np.full((*size, 3), 10 * (place + 1), dtype=np.uint8)).save(file)
    return str(folder)


def test_shape_and_texture_are_read_from_the_name(tmp_path: Path) -> None:
    path = saved(tmp_path, "cat/cat4-truck2.png", "boat/boat10-car3.png")

    found = cue_conflict_folder(path, LIKE)

    # sorted by folder: the boat, which is a ship here, with the texture of an automobile; then the cat
    assert found.images.labels.tolist() == [0, 1]
    assert found.textures.tolist() == [3, 2]
    assert found.images.shape == (3, 8, 8)
    assert found.images.read(torch.arange(2)).unique().tolist() == [10, 20]
    assert found.notes == ()


def test_images_of_other_classes_or_without_conflict_are_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path, "cat1-truck1.png", "cat1-oven2.png", "bear1-cat1.png", "cat1-cat2.png", "notes.png")

    found = cue_conflict_folder(path, LIKE)

    assert found.images.labels.tolist() == [1]
    assert found.notes == ("2 of 4 cue-conflict images are left out: the data lack one of their classes",)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("cat.png",), "no image has a name like cat4-truck2.png"),
        (("oven1-knife2.png",), "no image has shape and texture of two classes of the data"),
    ],
)
def test_a_folder_without_usable_images_is_refused_in_one_line(
    tmp_path: Path, names: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(DataError, match=reason) as raised:
        cue_conflict_folder(saved(tmp_path, *names), LIKE)

    assert len(str(raised.value).splitlines()) == 1


def test_a_missing_folder_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder"):
        cue_conflict_folder(str(tmp_path / "missing"), LIKE)
    (tmp_path / "cat1-truck1.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"cat1-truck1\.png: cannot be read as an image"):
        cue_conflict_folder(str(tmp_path), LIKE)


def test_grey_data_get_grey_images(tmp_path: Path) -> None:
    grey = ImageSet(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), torch.arange(4), LIKE.class_names)

    assert cue_conflict_folder(saved(tmp_path, "cat1-truck1.png"), grey).images.shape == (1, 8, 8)
