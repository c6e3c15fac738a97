from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from robustkd.data import Dataset, ImageSet, load_dataset
from robustkd.data.remarks import print_remarks, with_remarks


def noise(count: int, seed: int = 0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    return torch.from_numpy(random.integers(0, 256, (count, 1, 4, 4), dtype=np.uint8))


def data(train: list[int], test: list[int], names: tuple[str, ...] | None = None) -> Dataset:
    """Return a data set of different images with these labels; classes are numbered unless they are named."""
    names = names or tuple(map(str, range(1 + max(train + test))))
    return Dataset(
        "mine",
        ImageSet(noise(len(train), 1), torch.tensor(train), names) if train else None,
        ImageSet(noise(len(test), 2), torch.tensor(test), names),
    )


def remarks(dataset: Dataset) -> list[str]:
    return list(with_remarks(dataset).remarks)


def test_classes_without_images_are_named() -> None:
    named = data([0, 1, 2, 2], [0, 0, 1], ("cat", "dog", "frog", "owl"))

    assert remarks(named) == [
        "1 of 4 classes (owl) has neither training nor test images",
        "1 of 4 classes (frog) has no test images",
    ]


def test_classes_without_training_images_are_named() -> None:
    assert remarks(data([0, 0], [0, 1, 2], ("a", "b", "c"))) == ["2 of 3 classes (b, c) have no training images"]


def test_many_are_counted() -> None:
    named = data([], [0], tuple(f"class {index}" for index in range(1000)))

    assert remarks(named) == ["999 of 1,000 classes (class 1, class 2, class 3 and 996 more) have no test images"]


def test_labels_that_count_from_one_are_noticed() -> None:
    assert remarks(data([1, 2, 3], [3, 2])) == [
        "no image has label 0, and labels go up to 3: if they count from 1, subtract 1 from them"
    ]


def test_a_stray_label_is_noticed() -> None:
    assert remarks(data([0, 1, 2, 255], [0, 1, 2])) == [
        "labels go up to 255, but 252 of the 256 classes have no image; label 255 occurs once: if it marks images "
        "without a label, remove these images"
    ]


def test_classes_of_one_name_are_noticed() -> None:
    assert remarks(data([0, 1, 2], [0, 1, 2], ("cat", "dog", "cat"))) == ["classes 0 and 2 have the same name, cat"]
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert len(remarks(data([0, 1], [0, 1], (composed, decomposed)))) == 1


def test_upper_and_lower_case_are_different_names() -> None:
    assert remarks(data([0, 1], [0, 1], ("A", "a"))) == []


def copied() -> Dataset:
    """Test images 1 and 3 are training images 4 and 0, image 3 with another label; image 2 is image 0."""
    train, test = noise(6, 1), noise(5, 2)
    test[1], test[3], test[2] = train[4], train[0], test[0]
    names = ("a", "b")
    return Dataset(
        "mine",
        ImageSet(train, torch.tensor([0, 1, 0, 1, 0, 1]), names),
        ImageSet(test, torch.tensor([0, 0, 0, 1, 1]), names),
    )


COPIES = [
    "2 of 5 test images are exact copies of training images, 1 of them with another label: test image 1 is training "
    "image 4",
    "1 of 5 test images is an exact copy of another test image: test image 2 is test image 0",
]


def test_images_that_training_and_test_share_are_counted() -> None:
    assert remarks(copied()) == COPIES


def test_files_that_training_and_test_share_are_counted(tmp_path: Path) -> None:
    """Files are compared by their bytes: the names do not matter, and nor does a shared end."""
    black = np.zeros((64, 64), np.uint8)
    for index, name in enumerate(("train/a/0", "train/a/1", "test/a/0", "test/b/1", "train/b/0")):
        file = tmp_path / "pets" / f"{name}.bmp"
        file.parent.mkdir(parents=True, exist_ok=True)
        image = black.copy()
        image[-1, :5] = index + 1  # a BMP begins with the lowest row, and all end with the same 4,032 bytes
        Image.fromarray(image).save(file)
    (tmp_path / "pets/test/b/2.bmp").write_bytes((tmp_path / "pets/train/a/1.bmp").read_bytes())

    assert remarks(load_dataset(f"folder:{tmp_path}/pets")) == [
        "1 of 3 test images is an exact copy of a training image, 1 of them with another label: test image b/2.bmp is "
        "training image a/1.bmp"
    ]


@pytest.mark.parametrize(
    "clean",
    [
        data([0, 1, 2, 0], [0, 1, 2]),
        data([0, 0, 0], [0, 0], ("only",)),
        data([], [0], ("only",)),
        data(list(range(5)), list(range(5))),
        data([1, 0], [1, 0]),
    ],
    ids=["three classes", "one class", "one image", "ten images", "two classes"],
)
def test_nothing_is_said_of_a_clean_data_set(clean: Dataset) -> None:
    assert remarks(clean) == []


def test_nothing_is_said_of_the_digits() -> None:
    assert remarks(load_dataset("digits")) == []


def test_cifar_10_has_no_exact_copies(data_root: Path) -> None:
    assert remarks(load_dataset("cifar10", data_root)) == []


def test_each_remark_stands_once_after_those_of_the_loader() -> None:
    from dataclasses import replace

    once = with_remarks(replace(copied(), remarks=("read by hand",)))

    assert list(once.remarks) == list(with_remarks(once).remarks) == ["read by hand", *COPIES]


def test_each_is_a_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_remarks(Dataset("a\nb", None, data([], [0]).test, remarks=("one\x1b[31m", "two")))

    assert capsys.readouterr() == ("", "a\\nb: one\\x1b[31m\na\\nb: two\n")
