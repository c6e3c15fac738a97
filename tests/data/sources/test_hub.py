"""Data sets in the formats of the Hugging Face hub, made here: splits, columns, classes, pixels."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robustkd.data import Dataset, load_dataset
from robustkd.errors import DataError

datasets = pytest.importorskip("datasets")

ANIMALS = datasets.ClassLabel(names=["cat", "dog"])
BEASTS = datasets.ClassLabel(names=["dog", "cat"])
TEXT = datasets.Value("string")


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def noise(seed: int, height: int = 6, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def split(labels: list[Any], kind: Any = ANIMALS, seed: int = 0, **more: Any) -> Any:
    """A split whose images are of noise, with the seeds `seed`, `seed` + 1, …"""
    images = [Image.fromarray(noise(seed + index)) for index in range(len(labels))]
    columns = {"image": images, "label": labels} | {name: values for name, (_, values) in more.items()}
    features = {"image": datasets.Image(), "label": kind} | {name: held for name, (held, _) in more.items()}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(features))


def saved(place: Path, **splits: Any) -> str:
    datasets.DatasetDict(splits).save_to_disk(str(place / "animals"))
    return str(place / "animals")


def load(folder: str, options: str = "") -> Dataset:
    return load_dataset(f"hf:{folder}{options}")


def test_a_saved_data_set_has_its_classes_parts_and_pixels(tmp_path: Path) -> None:
    dataset = load(saved(tmp_path, train=split([0, 1, 1]), test=split([1, 0], seed=7)))

    assert (dataset.name, dataset.remarks) == ("animals", ())
    assert dataset.test.class_names == ("cat", "dog")
    assert (dataset.training.labels.tolist(), dataset.test.labels.tolist()) == ([0, 1, 1], [1, 0])
    expected = np.stack([np.moveaxis(noise(seed), -1, 0) for seed in (7, 8)])
    assert np.array_equal(dataset.test.read(torch.arange(2)).numpy(), expected)


def test_other_processes_decode_the_same(tmp_path: Path) -> None:
    images = load(saved(tmp_path, test=split([0, 1] * 65))).test

    (decoded,) = images.with_workers(1).read_batches(130)

    assert torch.equal(decoded, images.read(torch.arange(130)))


def test_parquet_is_read(tmp_path: Path) -> None:
    (tmp_path / "pets" / "data").mkdir(parents=True)
    split([0, 1]).to_parquet(tmp_path / "pets" / "data" / "train-00000.parquet")
    split([1]).to_parquet(tmp_path / "pets" / "data" / "validation-00000.parquet")

    dataset = load(str(tmp_path / "pets"))

    assert dataset.test.class_names == ("cat", "dog")
    assert dataset.test.labels.tolist() == [1]
    assert dataset.remarks == ("the images of validation are taken for the test images",)


def test_images_in_files_beside_the_table_are_read(tmp_path: Path) -> None:
    for index, name in enumerate(("train/cat/0", "train/dog/1", "test/cat/2")):
        (tmp_path / "pets" / name).parent.mkdir(parents=True)
        Image.fromarray(noise(index)).save(tmp_path / "pets" / f"{name}.png")

    dataset = load(str(tmp_path / "pets"))

    assert np.array_equal(dataset.test.read(torch.tensor([0]))[0].numpy(), np.moveaxis(noise(2), -1, 0))


def test_one_split_is_for_evaluation(tmp_path: Path) -> None:
    split([0, 1]).save_to_disk(str(tmp_path / "alone"))

    for folder in (str(tmp_path / "alone"), saved(tmp_path, train=split([0, 1]))):
        dataset = load(folder)
        assert dataset.train is None
        assert len(dataset.test) == 2


def test_hidden_test_labels_give_way_to_the_validation_images(tmp_path: Path) -> None:
    dataset = load(saved(tmp_path, train=split([0, 1]), test=split([-1, -1]), validation=split([1])))

    assert dataset.test.labels.tolist() == [1]
    assert dataset.remarks == ("the images of validation are taken for the test images: those of test have no labels",)


def test_labels_in_another_order_are_renumbered_which_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "animals"
    saved(tmp_path, train=split([0, 1]), test=split([0, 1]))
    split([0, 1, 1], BEASTS).save_to_disk(str(folder / "test"))

    dataset = load(str(folder))

    assert dataset.test.class_names == ("cat", "dog")
    assert dataset.test.labels.tolist() == [1, 0, 0]
    assert dataset.remarks == ("test numbers the classes in another order than train: its labels are renumbered",)


@pytest.mark.parametrize(
    ("labels", "kind", "names", "numbers"),
    [
        (["owl", "elk", "owl"], TEXT, ("elk", "owl"), [1, 0, 1]),
        ([0, 2, 2], datasets.Value("int64"), ("0", "1", "2"), [0, 2, 2]),
    ],
)
def test_labels_may_be_texts_or_numbers(
    labels: list[Any], kind: Any, names: tuple[str, ...], numbers: list[int], tmp_path: Path
) -> None:
    dataset = load(saved(tmp_path, test=split(labels, kind)))

    assert dataset.test.class_names == names
    assert dataset.test.labels.tolist() == numbers


def test_columns_and_splits_are_chosen_after_the_name(tmp_path: Path) -> None:
    fine = datasets.ClassLabel(names=["tabby", "siamese", "pug"])
    data = split([0, 0, 1], fine_label=(fine, [0, 1, 2]))
    folder = saved(tmp_path, train=data, extra=data)

    dataset = load(folder, "@label=fine_label@test=extra@4")

    assert dataset.test.class_names == ("tabby", "siamese", "pug")
    assert (len(dataset.training), dataset.test.shape) == (3, (3, 4, 4))


def test_images_of_many_sizes_are_photographs(tmp_path: Path) -> None:
    images = [Image.fromarray(noise(0)), Image.fromarray(noise(1, 9, 9))]
    features = datasets.Features({"image": datasets.Image(), "label": ANIMALS})
    data = datasets.Dataset.from_dict({"image": images, "label": [0, 1]}, features=features)

    assert load(saved(tmp_path, test=data)).test.photographs


TWO_LABELS = {"a": (ANIMALS, [0, 1]), "b": (ANIMALS, [0, 1])}
REFUSED = {
    "a missing split": ({"train": split([0]), "test": split([0])}, "@test=tset", "no split 'tset': did you mean test"),
    "nothing to evaluate on": ({"train": split([0]), "more": split([0])}, "", "no split with labels to evaluate on"),
    "no images": (
        {"test": split([0]).remove_columns("image")},
        "",
        r"has no column of images \(columns: label\)",
    ),
    "two columns of images": (
        {"test": split([0], other=(datasets.Image(), [Image.fromarray(noise(0))]))},
        "",
        "several columns of images .image, other.: choose one with @image=COLUMN",
    ),
    "no labels": ({"test": split([0]).remove_columns("label")}, "", "no single column is known to hold the classes"),
    "two labels": (
        {"test": split([0, 1], **TWO_LABELS).remove_columns("label")},
        "",
        "choose one of a, b with @label=COLUMN",
    ),
    "a mistyped column": ({"test": split([0])}, "@label=labl", "no column 'labl': did you mean label"),
    "a column of texts": ({"test": split([0], t=(TEXT, ["x"]))}, "@image=t", "the column t does not hold images"),
    "a label without a class": ({"test": split([0, -1])}, "", r"test\[1\]: label -1 is out of range"),
    "a missing label": ({"test": split(["a", None], TEXT)}, "", r"test\[1\]: has no label"),
    "a class of the test images alone": (
        {"train": split(["a"], TEXT), "test": split(["b"], TEXT)},
        "",
        r"test\[0\]: class 'b' is not among those of the training images",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_named(what: str, tmp_path: Path) -> None:
    splits, options, message = REFUSED[what]

    with pytest.raises(DataError, match=message) as caught:
        load(saved(tmp_path, **splits), options)
    assert str(caught.value).isprintable()


def test_splits_with_other_classes_are_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path, train=split([0]), test=split([0]))
    split([0], datasets.ClassLabel(names=["cat", "elk"])).save_to_disk(str(Path(folder) / "test"))

    with pytest.raises(DataError, match="the splits do not share the class 'dog'"):
        load(folder)


def test_a_broken_image_is_named_by_its_row(tmp_path: Path) -> None:
    data = split([0, 1])
    rows = [{"bytes": b"no image", "path": None}, data.cast_column("image", datasets.Image(decode=False))[1]["image"]]
    features = datasets.Features({"image": datasets.Image(), "label": ANIMALS})
    folder = saved(tmp_path, test=datasets.Dataset.from_dict({"image": rows, "label": [0, 1]}, features=features))

    with pytest.raises(DataError, match=r"^test\[0\]: not a readable image \(of no format that Pillow knows\)"):
        load(folder)
    assert len(load(folder, "@broken=skip").test) == 1


@pytest.mark.parametrize("name", ["nobody/nothing", "./not-here"])
def test_what_cannot_be_loaded_gives_one_line(name: str) -> None:
    with pytest.raises(DataError, match=rf"^hf:{name}: cannot be loaded \(") as caught:
        load(name)
    assert str(caught.value).isprintable()


def test_without_the_extra_the_line_that_installs_it_is_said() -> None:
    program = (
        "import sys\nsys.modules['datasets'] = None\nfrom robustkd.data import load_dataset\n"
        "try: load_dataset('hf:cifar10')\nexcept Exception as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "hf:cifar10: needs the package datasets: pip install 'robustkd[hub]'\n"
