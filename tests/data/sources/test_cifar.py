import hashlib
import pickle
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torchvision import datasets

from robustkd.data import Augmentation, Dataset, load_dataset
from robustkd.errors import DataError

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@pytest.fixture(autouse=True)
def _nothing_to_be_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise URLError("no network")

    monkeypatch.delenv("ROBUSTKD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr("urllib.request.urlopen", no_network)


def write_npz(folder: Path, name: str, grey: int = 0, classes: int = 10) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    labels = np.arange(classes, dtype=np.uint8)
    images = np.full((classes, 32, 32, 3), grey, np.uint8)
    np.savez(folder / f"{name}.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)


def write_official_cifar10(folder: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Write ten training images and two test images in the official layout; give all twelve, N×C×H×W."""
    images = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), dtype=np.uint8)
    base = folder / "cifar-10-batches-py"
    base.mkdir(parents=True)

    def write(file_name: str, content: dict[str, Any]) -> list[str]:
        written = pickle.dumps(content)
        (base / file_name).write_bytes(written)
        return [file_name, hashlib.md5(written).hexdigest()]

    def batch(start: int) -> dict[str, Any]:
        return {"data": images[start : start + 2].reshape(2, -1), "labels": [start % 10, (start + 1) % 10]}

    train = [write(f"data_batch_{index + 1}", batch(2 * index)) for index in range(5)]
    test = [write("test_batch", batch(10))]
    meta = write("batches.meta", {"label_names": list(CIFAR10_CLASSES)})
    monkeypatch.setattr(datasets.CIFAR10, "train_list", train)
    monkeypatch.setattr(datasets.CIFAR10, "test_list", test)
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    return images


def write_official_cifar100(folder: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Write 100 images, training and test alike, in the official layout; give them, N×C×H×W."""
    images = np.random.default_rng(1).integers(0, 256, (100, 3, 32, 32), dtype=np.uint8)
    base = folder / "cifar-100-python"
    base.mkdir(parents=True)
    batch = {"data": images.reshape(100, -1), "fine_labels": list(range(100)), "coarse_labels": [0] * 100}
    names = {"fine_label_names": [f"class {index}" for index in range(100)]}
    sums = {}
    for file_name, content in {"train": batch, "test": batch, "meta": names}.items():
        written = pickle.dumps(content)
        (base / file_name).write_bytes(written)
        sums[file_name] = hashlib.md5(written).hexdigest()
    monkeypatch.setattr(datasets.CIFAR100, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(datasets.CIFAR100, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(datasets.CIFAR100, "meta", {"filename": "meta", "key": "fine_label_names", "md5": sums["meta"]})
    return images


def grey_level(dataset: Dataset) -> int:
    return int(dataset.test.read(torch.tensor([0])).float().mean())


@pytest.mark.parametrize(("name", "classes"), [("cifar10", 10), ("cifar100", 100)])
def test_an_npz_under_the_root_is_found(tmp_path: Path, name: str, classes: int) -> None:
    write_npz(tmp_path / "root", name, classes=classes)

    dataset = load_dataset(name, tmp_path / "root")

    assert (dataset.name, dataset.num_classes, dataset.test.shape) == (name, classes, (3, 32, 32))


def test_an_npz_under_the_environments_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_npz(tmp_path / "data", "cifar10")
    monkeypatch.setenv("ROBUSTKD_DATA", str(tmp_path / "data"))

    assert load_dataset("cifar10").name == "cifar10"


def test_an_npz_under_the_cache_directory_is_found(tmp_path: Path) -> None:
    write_npz(tmp_path / "caches" / "robustkd", "cifar10")

    assert load_dataset("cifar10").name == "cifar10"


def test_the_root_comes_before_the_environment_and_that_before_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBUSTKD_DATA", str(tmp_path / "data"))
    found = []

    for grey, folder in ((3, tmp_path / "caches" / "robustkd"), (2, tmp_path / "data"), (1, tmp_path / "root")):
        write_npz(folder, "cifar10", grey)
        found.append(grey_level(load_dataset("cifar10", tmp_path / "root")))

    assert found == [3, 2, 1]


def test_cifar_is_cropped_with_padding_4_and_flipped(tmp_path: Path) -> None:
    write_npz(tmp_path, "cifar10")

    assert load_dataset("cifar10", tmp_path).augmentation == Augmentation(crop_padding=4, horizontal_flip=True)


def test_the_official_files_of_cifar10_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = write_official_cifar10(tmp_path, monkeypatch)

    dataset = load_dataset("cifar10", tmp_path)

    assert np.array_equal(dataset.training.read(torch.arange(10)), images[:10])
    assert np.array_equal(dataset.test.read(torch.arange(2)), images[10:])
    assert dataset.training.labels.tolist() == list(range(10))
    assert dataset.test.labels.tolist() == [0, 1]
    assert dataset.test.class_names == CIFAR10_CLASSES
    assert dataset.augmentation == Augmentation(crop_padding=4, horizontal_flip=True)


def test_the_official_files_of_cifar100_are_read_with_their_fine_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = write_official_cifar100(tmp_path, monkeypatch)

    dataset = load_dataset("cifar100", tmp_path)

    assert np.array_equal(dataset.test.read(torch.arange(100)), images)
    assert dataset.test.labels.tolist() == list(range(100))
    assert dataset.test.class_names[99] == "class 99"


def test_official_files_with_a_wrong_checksum_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_official_cifar10(tmp_path, monkeypatch)
    damaged = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")

    with pytest.raises(DataError, match="could not be downloaded"):
        load_dataset("cifar10", tmp_path)


@pytest.mark.parametrize(("name", "official"), [("cifar10", "cifar-10-batches-py"), ("cifar100", "cifar-100-python")])
def test_absent_and_not_downloadable_is_one_line_that_names_the_three_places(
    tmp_path: Path, name: str, official: str
) -> None:
    with pytest.raises(DataError) as caught:
        load_dataset(name, tmp_path / "root")

    message = str(caught.value)
    assert "\n" not in message
    for part in (
        f"{name}.npz",
        official,
        "no network",
        "--data-root",
        "$ROBUSTKD_DATA",
        str(tmp_path / "caches"),
        str(tmp_path / "root"),
    ):
        assert part in message


def test_a_damaged_npz_is_named_rather_than_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cifar10.npz").write_bytes(b"half a file")

    with pytest.raises(DataError, match=r"cifar10\.npz: not a readable"):
        load_dataset("cifar10", tmp_path)


def test_a_download_goes_to_the_cache_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(self: datasets.CIFAR10) -> None:
        if not Path(self.root, "cifar-10-batches-py").exists():
            write_official_cifar10(Path(self.root), monkeypatch)

    monkeypatch.setattr(datasets.CIFAR10, "download", download)

    dataset = load_dataset("cifar10", tmp_path / "root")

    assert (len(dataset.training), len(dataset.test)) == (10, 2)
    assert (tmp_path / "caches" / "robustkd" / "cifar-10-batches-py").is_dir()
    assert not (tmp_path / "root").exists()


def failing(error: Exception) -> Callable[..., None]:
    def download(*_: Any, **__: Any) -> None:
        assert socket.getdefaulttimeout() is not None
        raise error

    return download


@pytest.mark.parametrize(
    "error", [URLError("unreachable"), TimeoutError("timed out"), RuntimeError("File not found or corrupted.")]
)
def test_a_download_has_its_own_time_limit_and_its_failure_is_a_data_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(datasets.CIFAR10, "download", failing(error))
    before = socket.getdefaulttimeout()

    with pytest.raises(DataError, match="could not be downloaded"):
        load_dataset("cifar10")

    assert socket.getdefaulttimeout() == before


@pytest.fixture(scope="module")
def whole_cifar10(data_root: Path) -> Dataset:
    return load_dataset("cifar10", data_root)


def test_the_real_cifar10_has_5000_training_and_1000_test_images_of_each_class(whole_cifar10: Dataset) -> None:
    assert whole_cifar10.test.class_names == CIFAR10_CLASSES
    assert whole_cifar10.training.shape == (3, 32, 32)
    assert torch.bincount(whole_cifar10.training.labels).tolist() == [5000] * 10
    assert torch.bincount(whole_cifar10.test.labels).tolist() == [1000] * 10


def test_the_real_cifar10_has_the_published_mean_of_each_channel(whole_cifar10: Dataset) -> None:
    images = whole_cifar10.training.read(torch.arange(50_000)).numpy()

    means = images.reshape(50_000, 3, -1).sum(axis=(0, 2), dtype=np.int64) / (50_000 * 32 * 32 * 255)

    np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=1e-4)


def test_the_slice_for_other_tests_is_real(cifar10: Dataset) -> None:
    assert (len(cifar10.training), len(cifar10.test)) == (300, 200)
    assert torch.bincount(cifar10.training.labels, minlength=10).min() > 0
