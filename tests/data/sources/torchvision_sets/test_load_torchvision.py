"""The sets of torchvision: every name is one of its classes, and tiny files in their formats are read."""

import gzip
import inspect
import struct
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from robustkd.data import Dataset, load_dataset
from robustkd.data.sources.torchvision_sets.sets import SETS
from robustkd.errors import DataError


@pytest.fixture(autouse=True)
def _nothing_to_be_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise URLError("no network")

    monkeypatch.delenv("ROBUSTKD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr("urllib.request.urlopen", no_network)


def load(name: str, root: Path) -> Dataset:
    return load_dataset(f"torchvision/{name}", root)


def noise(seed: int, height: int = 6, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def save(file: Path, seed: int = 0) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(seed)).save(file, **({"quality": 100} if file.suffix in (".jpg", ".jpeg") else {}))


@pytest.mark.parametrize("name", SETS)
def test_every_set_is_a_class_that_takes_its_arguments(name: str) -> None:
    kind, known = getattr(datasets, name), SETS[name]
    taken = {each for base in kind.__mro__ for each in inspect.signature(base.__init__).parameters}
    given = {*(known.train or {}), *known.test, *known.fixed, *([known.variant[0]] if known.variant else [])}

    assert issubclass(kind, torch.utils.data.Dataset)
    assert given <= taken
    assert known.train != known.test


def write_idx(file: Path, values: np.ndarray) -> None:
    """MNIST's format: type and number of dimensions, the sizes, the bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes())


def write_mnist(root: Path, folder: str, prefix: str = "") -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    for part, chosen in (("train", slice(0, 3)), ("t10k" if not prefix else "test", slice(3, 5))):
        labels = np.arange(5, dtype=np.uint8)[chosen]
        write_idx(root / folder / "raw" / f"{prefix}{part}-images-idx3-ubyte", images[chosen])
        write_idx(root / folder / "raw" / f"{prefix}{part}-labels-idx1-ubyte", labels)
    return images


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "KMNIST"])
def test_grey_images_of_the_mnist_family(name: str, tmp_path: Path) -> None:
    images = write_mnist(tmp_path, name)

    dataset = load(name, tmp_path)

    assert load(name.lower(), tmp_path).digest == dataset.digest
    assert (dataset.name, dataset.num_classes, dataset.test.shape) == (name.lower(), 10, (1, 28, 28))
    assert np.array_equal(dataset.training.read(torch.arange(3)).numpy()[:, 0], images[:3])
    assert (dataset.training.labels.tolist(), dataset.test.labels.tolist()) == ([0, 1, 2], [3, 4])


def test_a_variant_is_chosen_after_the_name(tmp_path: Path) -> None:
    write_mnist(tmp_path, "EMNIST", "emnist-digits-")

    assert len(load("EMNIST@variant=digits", tmp_path).training) == 3
    with pytest.raises(DataError, match="not found"):
        load("EMNIST", tmp_path)


def test_cifar_is_that_of_the_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.data.sources.test_cifar import write_official_cifar10

    images = write_official_cifar10(tmp_path, monkeypatch)

    dataset, own = load("CIFAR10", tmp_path), load_dataset("cifar10", tmp_path)

    assert np.array_equal(dataset.training.read(torch.arange(10)).numpy(), images[:10])
    assert (dataset.digest, dataset.augmentation) == (own.digest, own.augmentation)
    assert dataset.test.class_names == own.test.class_names


def test_usps_is_text_in_bz2_whose_labels_count_from_one(tmp_path: Path) -> None:
    import bz2

    pixels = " ".join(f"{index + 1}:{value:.1f}" for index, value in enumerate([-1.0, 1.0] * 128))
    for name in ("usps.bz2", "usps.t.bz2"):
        (tmp_path / name).write_bytes(bz2.compress(f"1 {pixels}\n10 {pixels}\n".encode()))

    dataset = load("USPS", tmp_path)

    assert dataset.test.labels.tolist() == [0, 9]
    assert dataset.test.read(torch.tensor([0]))[0, 0, 0, :4].tolist() == [0, 255, 0, 255]


def pets(root: Path) -> None:
    for index, name in enumerate(("Abyssinian_1", "Beagle_2")):
        save(root / "oxford-iiit-pet" / "images" / f"{name}.jpg", index)
    for part in ("trainval", "test"):
        file = root / "oxford-iiit-pet" / "annotations" / f"{part}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("Abyssinian_1 1 1 1\nBeagle_2 2 2 1\n")


def gtsrb(root: Path) -> None:
    base = root / "gtsrb" / "GTSRB"
    for index in range(2):
        save(base / "Training" / f"{index:05}" / "0.ppm", index)
        save(base / "Final_Test" / "Images" / f"{index:05}.ppm", index)
    lines = [f"{index:05}.ppm;5;6;0;0;5;6;{index}" for index in range(2)]
    head = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
    (root / "gtsrb" / "GT-final_test.csv").write_text("\n".join([head, *lines]) + "\n")


def food(root: Path) -> None:
    import json

    names = {"apple_pie": ["apple_pie/1"], "sushi": ["sushi/2"]}
    for index, name in enumerate(("apple_pie/1", "sushi/2")):
        save(root / "food-101" / "images" / f"{name}.jpg", index)
    (root / "food-101" / "meta").mkdir()
    for part in ("train", "test"):
        (root / "food-101" / "meta" / f"{part}.json").write_text(json.dumps(names))


def textures(root: Path) -> None:
    for index, name in enumerate(("banded", "woven")):
        save(root / "dtd" / "dtd" / "images" / name / f"{name}_1.jpg", index)
    (root / "dtd" / "dtd" / "labels").mkdir()
    for part in ("train1", "test1"):
        (root / "dtd" / "dtd" / "labels" / f"{part}.txt").write_text("banded/banded_1.jpg\nwoven/woven_1.jpg\n")


def countries(root: Path) -> None:
    for part in ("train", "test"):
        for index, name in enumerate(("AD", "ZW")):
            save(root / "country211" / part / name / "0.jpg", index)


def sentiments(root: Path) -> None:
    for part in ("train", "test"):
        for index, name in enumerate(("negative", "positive")):
            save(root / "rendered-sst2" / part / name / "0.png", index)


FILES = {
    "OxfordIIITPet": (pets, ("Abyssinian", "Beagle")),
    "GTSRB": (gtsrb, ("0", "1")),
    "Food101": (food, ("apple_pie", "sushi")),
    "DTD": (textures, ("banded", "woven")),
    "Country211": (countries, ("AD", "ZW")),
    "RenderedSST2": (sentiments, ("negative", "positive")),
}


@pytest.mark.parametrize("name", FILES)
def test_photographs_are_read_from_disk_when_they_are_needed(name: str, tmp_path: Path) -> None:
    write, classes = FILES[name]
    write(tmp_path)

    dataset = load(name, tmp_path)

    assert dataset.test.class_names == classes
    assert (dataset.training.labels.tolist(), dataset.test.labels.tolist()) == ([0, 1], [0, 1])
    assert dataset.test.shape == (3, 6, 5)
    exact = name in ("GTSRB", "RenderedSST2")
    for index, image in enumerate(dataset.test.read(torch.arange(2)).numpy()):
        difference = np.abs(image.astype(int) - np.moveaxis(noise(index), -1, 0))
        assert difference.max() == 0 if exact else difference.mean() < 60  # JPEG blurs colours of single pixels
    assert load(f"{name}@4", tmp_path).test.shape == (3, 4, 4)


def test_a_set_of_one_part_is_for_evaluation(tmp_path: Path) -> None:
    for index, name in enumerate(("Forest", "River")):
        save(tmp_path / "eurosat" / "2750" / name / "0.jpg", index)

    dataset = load("EuroSAT", tmp_path)

    assert dataset.train is None
    assert dataset.test.class_names == ("Forest", "River")


def test_imagenette_has_human_names(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for wnid in ("n01440764", "n02102040"):
            save(tmp_path / "imagenette2-160" / part / wnid / "0.JPEG")

    dataset = load("Imagenette@variant=160px", tmp_path)

    assert dataset.test.class_names == ("tench (n01440764)", "English springer (n02102040)")


@pytest.mark.parametrize("name", ["MNIST", "Caltech101", "Caltech256", "SVHN", "ImageNet", "SEMEION", "INaturalist"])
def test_what_is_not_there_is_not_downloaded_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()

    with pytest.raises(DataError, match=rf"torchvision/{name}: not found in .*{name}@download=yes") as caught:
        load(name, tmp_path / "root")

    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "root").iterdir())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MNITS", "no such set of classified images: did you mean MNIST"),
        ("CelebA", "no such set of classified images"),
        ("MNIST@variant=digits", "has no variants; those that have: EMNIST, FGVCAircraft, Imagenette"),
        ("MNIST@download=maybe", "download must be no or yes, got 'maybe'"),
        ("MNIST@224", "arrays of one size, which @size does not apply to"),
        ("MNIST@download=yes", "cannot be downloaded to"),
        ("FER2013@download=yes", "cannot be downloaded to"),
    ],
)
def test_a_wrong_name_or_option_is_named(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load(name, tmp_path)


def test_damaged_files_give_one_line(tmp_path: Path) -> None:
    write_mnist(tmp_path, "MNIST")
    (tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte").write_bytes(gzip.compress(b"no images"))

    with pytest.raises(DataError, match="torchvision/MNIST: not found in") as caught:
        load("MNIST", tmp_path)
    assert str(caught.value).isprintable()
