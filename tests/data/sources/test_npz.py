import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Augmentation, Dataset, load_dataset
from robustkd.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 5, 4, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 2, 1, 0])


def write(file: Path, **changed: Any) -> Path:
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:3], "y_test": LABELS[:3], **changed}
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file


def load(file: Path) -> Dataset:
    return load_dataset(f"npz:{file}")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.npz"


def test_keras_arrays_become_channel_first_images_with_labels(file: Path) -> None:
    dataset = load(write(file))

    assert np.array_equal(dataset.training.read(torch.arange(6)), np.moveaxis(IMAGES, -1, 1))
    assert dataset.training.labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert np.array_equal(dataset.test.read(torch.arange(3)), np.moveaxis(IMAGES[:3], -1, 1))
    assert dataset.test.labels.tolist() == [0, 1, 2]


def test_the_data_set_is_named_after_its_file_and_is_not_augmented(file: Path) -> None:
    dataset = load(write(file))

    assert dataset.name == "mine"
    assert dataset.augmentation == Augmentation(crop_padding=0, horizontal_flip=False)


@pytest.mark.parametrize("axes", [(6, 5, 4), (6, 5, 4, 1)])
def test_grey_images_have_one_channel(file: Path, axes: tuple[int, ...]) -> None:
    grey = IMAGES[..., 0].reshape(axes)

    dataset = load(write(file, x_train=grey, x_test=grey[:3]))

    assert dataset.training.shape == (1, 5, 4)
    assert np.array_equal(dataset.training.read(torch.arange(6))[:, 0], IMAGES[..., 0])


def test_labels_may_be_a_column(file: Path) -> None:
    dataset = load(write(file, y_train=LABELS[:, None], y_test=LABELS[:3, None]))

    assert dataset.training.labels.tolist() == [0, 1, 2, 2, 1, 0]
    assert dataset.test.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.int64, np.uint64])
def test_labels_may_be_of_any_integer_type(file: Path, dtype: type) -> None:
    labels = load(write(file, y_train=LABELS.astype(dtype))).training.labels

    assert labels.dtype == torch.int64
    assert labels.tolist() == [0, 1, 2, 2, 1, 0]


def test_the_names_of_medmnist_are_read(file: Path) -> None:
    np.savez(
        file,
        train_images=IMAGES,
        train_labels=LABELS[:, None],
        val_images=IMAGES,
        val_labels=LABELS[:, None],
        test_images=IMAGES[:3],
        test_labels=LABELS[:3, None],
    )

    dataset = load(file)

    assert (len(dataset.training), len(dataset.test), dataset.num_classes) == (6, 3, 3)


def test_classes_are_numbered_up_to_the_highest_label_of_either_set(file: Path) -> None:
    dataset = load(write(file, y_test=np.array([0, 4, 1])))

    assert dataset.test.class_names == ("0", "1", "2", "3", "4")


def test_classes_may_be_named(file: Path) -> None:
    dataset = load(write(file, classes=np.array(["cat", "dog", "frog", "never seen"])))

    assert dataset.test.class_names == ("cat", "dog", "frog", "never seen")


def test_class_names_that_would_change_the_output_are_escaped(file: Path) -> None:
    dataset = load(write(file, classes=np.array(["a\nb", "\x1b[31m", "c\u202ed"])))

    assert dataset.test.class_names == (r"a\nb", r"\x1b[31m", r"c\u202ed")


def test_a_compressed_file_reads_the_same(file: Path, tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "small.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:3], y_test=LABELS[:3])

    assert load(tmp_path / "small.npz").digest == load(write(file)).digest


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(DataError, match=r"mine\.npz: no such file"):
        load(file)


def test_without_a_training_set_the_data_are_for_evaluation_only(file: Path) -> None:
    with np.load(write(file)) as archive:
        arrays = {name: archive[name] for name in ("x_test", "y_test")}
    np.savez(file, **arrays)

    data = load(file)

    assert data.train is None
    assert len(data.test) == len(arrays["y_test"])


@pytest.mark.parametrize("missing", ["x_train", "y_train", "x_test", "y_test"])
def test_a_missing_array_is_refused_with_those_needed_and_those_held(file: Path, missing: str) -> None:
    with pytest.raises(DataError, match=r"must have the arrays x_train, y_train, x_test, y_test, got .") as caught:
        load(write(file, **{missing: None}))

    assert missing not in str(caught.value).partition("holds")[2]


@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(kept: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = write(tmp_path_factory.getbasetemp() / "truncated.npz")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(kept * len(whole))])

    with pytest.raises(DataError, match=r"truncated\.npz"):
        load(file)


def test_a_file_damaged_inside_a_compressed_array_is_refused(file: Path) -> None:
    np.savez_compressed(file, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:3], y_test=LABELS[:3])
    damaged = bytearray(file.read_bytes())
    damaged[60:120] = bytes(60)
    file.write_bytes(damaged)

    with pytest.raises(DataError, match=r"mine\.npz"):
        load(file)


def test_a_single_array_is_refused(file: Path) -> None:
    with file.open("wb") as opened:
        np.save(opened, IMAGES)

    with pytest.raises(DataError, match=r"mine\.npz"):
        load(file)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html>"])
def test_a_file_of_another_kind_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(DataError, match=r"mine\.npz"):
        load(file)


class Bomb:
    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.crater),)


def test_object_arrays_are_refused_and_nothing_is_unpickled(file: Path, tmp_path: Path) -> None:
    crater = tmp_path / "executed"
    write(file, y_train=np.array([Bomb(crater)] * 6, dtype=object))

    with pytest.raises(DataError, match=r"mine\.npz: not a readable \.npz of plain arrays"):
        load(file)

    assert not crater.exists()


def test_a_plain_pickle_is_refused_and_not_unpickled(file: Path, tmp_path: Path) -> None:
    crater = tmp_path / "executed"
    file.write_bytes(pickle.dumps(Bomb(crater)))

    with pytest.raises(DataError, match=r"mine\.npz"):
        load(file)

    assert not crater.exists()


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (IMAGES / 255, r"must be uint8.*float64.*convert them with \(255 \* images\)\.round\(\)\.astype"),
        (IMAGES > 127, r"must be uint8.*bool.*convert them with \(255 \* images\)\.round\(\)\.astype"),
        (IMAGES.astype(np.int64), r"must be uint8.*int64.*convert them with images\.round\(\)\.astype"),
        (IMAGES.astype(np.float32), r"must be uint8.*float32.*convert them with images\.round\(\)\.astype"),
        (IMAGES / 127.5 - 1, r"must be uint8.*float64.*values go from -1 to 1: scale them to 0 to 255"),
        (IMAGES.reshape(6, -1), "must be uint8, N×H×W×C.*shape"),
        (IMAGES[..., :2], "1 or 3 channels"),
        (np.moveaxis(IMAGES, -1, 1), r"1 or 3 channels in their last axis.*images\.transpose\(0, 2, 3, 1\)"),
        (IMAGES[:5], "one for each image"),
        (IMAGES[:0], "one for each image"),
        (IMAGES[:, :4], r"training images are \(3, 4, 4\).*test images \(3, 5, 4\)"),
    ],
)
def test_images_that_do_not_fit_are_refused(file: Path, images: np.ndarray, reason: str) -> None:
    with pytest.raises(DataError, match=rf"mine\.npz: .*{reason}"):
        load(write(file, x_train=images))


def test_an_empty_set_is_refused(file: Path) -> None:
    with pytest.raises(DataError, match=r"mine\.npz: .*at least one image"):
        load(write(file, x_test=IMAGES[:0], y_test=LABELS[:0]))


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.array([0, 1, -1, 2, 1, 0]), "label -1 is out of range"),
        (LABELS.astype(float), r"must be integers, got float64; convert them with labels\.astype"),
        (LABELS + 0.5, "must be integers, got float64$"),
        (np.full(6, np.nan), "must be integers, got float64"),
        (np.array(["cat"] * 6), "must be integers, got <U3; number the classes from 0"),
        (LABELS > 0, "must be integers, got bool"),
        (np.eye(3, dtype=int)[LABELS], r"one number for each image.*one-hot.*labels\.argmax\(axis=1\)"),
        (np.stack([LABELS, LABELS], 1), "one for each image"),
        (np.array(0), "one for each image"),
    ],
    ids=["negative", "float", "fraction", "nan", "strings", "bool", "one-hot", "two", "scalar"],
)
def test_labels_that_do_not_fit_are_refused(file: Path, labels: np.ndarray, reason: str) -> None:
    with pytest.raises(DataError, match=rf"mine\.npz: .*{reason}"):
        load(write(file, y_train=labels))


def test_labels_beyond_the_named_classes_are_refused(file: Path) -> None:
    with pytest.raises(DataError, match=r"mine\.npz: label 2 is out of range: with 2 classes .* from 0 to 1"):
        load(write(file, classes=np.array(["cat", "dog"])))


def test_class_names_that_are_no_list_are_refused(file: Path) -> None:
    with pytest.raises(DataError, match=r"mine\.npz"):
        load(write(file, classes=np.array("cat")))
