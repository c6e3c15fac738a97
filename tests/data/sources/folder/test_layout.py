import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from robustkd.data import Dataset, load_dataset
from robustkd.errors import DataError

if TYPE_CHECKING:
    from tests.data.sources.folder.conftest import Album


def load(album: "Album", options: str = "") -> Dataset:
    return load_dataset(f"folder:{album.path}{options}")


def test_val_is_taken_for_the_test_images_where_there_is_no_test(album: "Album") -> None:
    album.add("train/a/0.png", "train/b/0.png", "val/b/0.png")

    dataset = load(album)

    assert dataset.test.labels.tolist() == [1]
    assert dataset.remarks == ("there is no test/: val/ is taken for the test images",)


def test_val_beside_test_is_not_used_which_is_said(album: "Album") -> None:
    dataset = load(album.add("train/a/0.png", "test/a/0.png", "test/a/1.png", "val/a/0.png"))

    assert len(dataset.test) == 2
    assert dataset.remarks == ("val/ is not used: the test images are those of test/",)


def test_a_test_folder_without_labels_gives_way_to_val(album: "Album") -> None:
    dataset = load(album.add("train/a/0.png", "train/b/0.png", "test/images/0.png", "val/a/0.png"))

    assert dataset.test.labels.tolist() == [0]
    assert dataset.remarks == ("test/ has no folder of a training class: val/ is taken for the test images",)


@pytest.mark.parametrize("names", [("Training", "Testing"), ("TRAIN", "valid"), ("train", "Test")])
def test_other_names_of_the_parts_are_known(album: "Album", names: tuple[str, str]) -> None:
    dataset = load(album.add(f"{names[0]}/a/0.png", f"{names[0]}/b/0.png", f"{names[1]}/b/0.png"))

    assert (len(dataset.training), len(dataset.test)) == (2, 1)
    assert dataset.test.class_names == ("a", "b")


def test_a_class_may_be_called_like_them_among_other_classes(album: "Album") -> None:
    dataset = load(album.add("Bus/0.png", "Train/0.png", "val/0.png"))

    assert dataset.test.class_names == ("Bus", "Train", "val")
    assert dataset.remarks == ()


def tiny_imagenet(album: "Album") -> "Album":
    album.add(*(f"train/{name}/images/{name}_{index}.JPEG" for name in ("n01", "n02") for index in range(2)))
    album.add("test/images/test_0.JPEG", *(f"val/images/val_{index}.JPEG" for index in range(3)))
    for name in ("n01", "n02"):
        album.write(f"train/{name}/{name}_boxes.txt", "n01_0.JPEG\t0\t0\t62\t62\n")
    rows = [("val_0.JPEG", "n02"), ("val_1.JPEG", "n01"), ("val_2.JPEG", "n02")]
    album.write("val/val_annotations.txt", "".join(f"{file}\t{name}\t0\t32\t44\t62\n" for file, name in rows))
    return album.write("wnids.txt", "n02\nn01\n")


def test_tiny_imagenet_is_read_as_it_is_distributed(album: "Album") -> None:
    dataset = load(tiny_imagenet(album))

    assert dataset.test.class_names == ("n01", "n02")
    assert dataset.training.labels.tolist() == [0, 0, 1, 1]
    assert dataset.test.labels.tolist() == [0, 1, 1]
    assert [dataset.test.images.name(index) for index in range(3)] == [  # type: ignore[union-attr]
        "images/val_1.JPEG",
        "images/val_0.JPEG",
        "images/val_2.JPEG",
    ]


def test_tiny_imagenet_without_its_validation_images_is_refused(album: "Album") -> None:
    tiny_imagenet(album)
    (album.path / "val" / "images" / "val_1.JPEG").unlink()

    with pytest.raises(DataError, match=r"val_annotations\.txt: 1 of its images are missing; .*val_1\.JPEG"):
        load(album)


@pytest.mark.parametrize("name", ["train", "test", "val"])
def test_a_class_called_like_a_part_is_explained(album: "Album", name: str) -> None:
    album.add(f"{name}/0.png", "train/0.png", "car/0.png")

    with pytest.raises(DataError) as caught:
        load(album)

    message = str(caught.value)
    assert "holds images but no class folders" in message
    assert f"if train is a class, move all class folders into {album.path / 'test'}/" in message


def test_that_advice_works(album: "Album") -> None:
    assert load(album.add("test/train/0.png", "test/test/0.png", "test/car/0.png")).test.class_names == (
        "car",
        "test",
        "train",
    )


def test_a_folder_around_the_data_set_is_named(album: "Album") -> None:
    album.add("data/train/a/0.png", "data/test/a/0.png")

    with pytest.raises(DataError, match=r"holds nothing but data/, which has train/ or test/: give folder:\S+/data$"):
        load(album)


def test_folders_that_look_like_parts_rather_than_classes_are_pointed_out(album: "Album") -> None:
    dataset = load(album.add("fold1/cat/0.png", "fold1/dog/0.png", "fold2/cat/0.png", "fold2/dog/0.png"))

    assert dataset.test.class_names == ("fold1", "fold2")
    assert dataset.remarks[0].startswith("all images of fold1, fold2 lie in subfolders of the same names (cat, dog)")


def test_other_folders_beside_the_parts_are_not_read_which_is_said(album: "Album") -> None:
    dataset = load(album.add("train/a/0.png", "test/a/0.png", "extra/a/0.png"))

    assert dataset.remarks == ("not read: extra/, beside test/ and train/",)


def test_images_in_subfolders_of_a_class_are_read_and_counted(album: "Album") -> None:
    dataset = load(album.add("a/0.png", "a/sub/1.png", "a/sub/deep/2.png", "b/0.png"))

    assert dataset.test.labels.tolist() == [0, 0, 0, 1]
    assert dataset.remarks == (f"2 images lie in subfolders of the class folders, such as {album.path}/a/sub/1.png",)


def test_images_outside_the_classes_are_left_out_and_counted(album: "Album") -> None:
    dataset = load(album.add("a/0.png", "1.png", "2.png"))

    assert len(dataset.test) == 1
    assert dataset.remarks == (f"2 images lie outside the class folders, such as {album.path}/1.png, and are left out",)


FORMATS = {".pbm": "PPM", ".pgm": "PPM", ".pnm": "PPM", ".jfif": "JPEG", ".jpe": "JPEG", ".tga": "TGA", ".dib": "DIB"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_images_of_rarer_suffixes_are_read(album: "Album", suffix: str) -> None:
    album.write(f"a/0{suffix}")
    Image.new("1" if suffix == ".pbm" else "L", (5, 6)).save(album.path / f"a/0{suffix}", format=FORMATS[suffix])

    dataset = load(album)

    assert (len(dataset.test), dataset.remarks) == (1, ())


SYSTEM = ("__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", ".git", "System Volume Information", ".ipynb_checkpoints")


@pytest.mark.parametrize("name", SYSTEM)
def test_system_folders_are_no_classes(album: "Album", name: str) -> None:
    dataset = load(album.add("cat/0.png", "dog/0.png", f"{name}/cat/0.png"))

    assert dataset.test.class_names == ("cat", "dog")
    assert dataset.remarks == (f"hidden and system files and folders are left out: {name}",)


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "._0.png", ".hidden.png", "desktop.ini"])
def test_system_files_are_no_images(album: "Album", name: str) -> None:
    dataset = load(album.add("cat/0.png").write(f"cat/{name}"))

    assert len(dataset.test) == 1
    assert dataset.remarks == (f"hidden and system files and folders are left out: {name}",)


def test_a_link_to_a_folder_above_ends(album: "Album") -> None:
    album.add("a/0.png", "b/0.png")
    os.symlink(album.path, album.path / "a" / "loop")

    dataset = load(album)

    assert dataset.test.labels.tolist() == [0, 1]
    assert dataset.remarks == (
        f"1 link to a folder above or to one that was already read, such as {album.path}/a/loop, is not followed",
    )


def test_a_link_to_a_class_elsewhere_is_followed(album: "Album", tmp_path: Path) -> None:
    album.add("a/0.png")
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(album.path / "a" / "0.png", tmp_path / "elsewhere" / "0.png")
    os.symlink(tmp_path / "elsewhere", album.path / "b")

    dataset = load(album)

    assert dataset.test.labels.tolist() == [0, 1]
    assert dataset.remarks == ()
