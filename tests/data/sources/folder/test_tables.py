"""Classes in a table: which columns, rows and values there may be, and what is refused."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from robustkd.data import Dataset, load_dataset
from robustkd.errors import DataError

if TYPE_CHECKING:
    from tests.data.sources.folder.conftest import Album

ROWS = [("0.png", "dog", "train"), ("1.png", "cat", "train"), ("2.png", "dog", "test")]


def load(path: Path, options: str = "") -> Dataset:
    return load_dataset(f"folder:{path}{options}")


@pytest.fixture
def photos(album: "Album") -> Path:
    return album.add(*(f"{index}.png" for index in range(4))).path


def write(photos: Path, text: str, name: str = "metadata.csv") -> Path:
    (photos / name).parent.mkdir(parents=True, exist_ok=True)
    (photos / name).write_text(text, encoding="utf-8")
    return photos / name


def csv_of(rows: list[tuple[str, ...]], head: str = "file_name,label,split", separator: str = ",") -> str:
    lines = [head.replace(",", separator), *(separator.join(row) for row in rows)]
    return "\n".join(lines) + "\n"


def json_lines_of(rows: list[tuple[str, ...]]) -> str:
    return "".join(json.dumps(dict(zip(("file_name", "label", "split"), row, strict=True))) + "\n" for row in rows)


FORMATS = {
    "metadata.csv": csv_of(ROWS),
    "metadata.tsv": csv_of(ROWS, separator="\t"),
    "metadata.jsonl": json_lines_of(ROWS),
    "labels.csv": "\ufeff" + csv_of(ROWS, "File,Class,Split", ";"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_table_says_the_class_and_the_part_of_each_file(photos: Path, name: str) -> None:
    table = write(photos, FORMATS[name], name)

    dataset = load(photos if table.stem == "metadata" else table)

    assert dataset.test.class_names == ("cat", "dog")
    assert (dataset.training.labels.tolist(), dataset.test.labels.tolist()) == ([1, 0], [1])
    expected = np.moveaxis(np.asarray(Image.open(photos / "2.png")), -1, 0)
    assert np.array_equal(dataset.test.read(torch.tensor([0]))[0].numpy(), expected)
    assert dataset.remarks == (f"the classes are those of {name}",)


def test_a_table_may_be_parquet(photos: Path) -> None:
    pd.DataFrame(ROWS, columns=["file_name", "label", "split"]).to_parquet(photos / "metadata.parquet")

    assert load(photos).training.labels.tolist() == [1, 0]


def test_each_part_may_have_a_table_of_its_own(album: "Album") -> None:
    album.add("train/0.png", "train/1.png", "validation/0.png")
    album.write("train/metadata.csv", "file_name,label\n0.png,b\n1.png,a\n")
    album.write("validation/metadata.jsonl", '{"file_name": "0.png", "label": "a"}\n')

    dataset = load(album.path)

    assert (dataset.training.labels.tolist(), dataset.test.labels.tolist()) == ([1, 0], [0])
    assert "there is no test part: the validation part is taken for the test images" in dataset.remarks


def test_one_table_may_name_files_in_the_folders_of_the_parts(album: "Album") -> None:
    album.add("train/0.png", "test/0.png")
    album.write("metadata.csv", "file_name,label\ntrain/0.png,a\ntest/0.png,a\n")

    dataset = load(album.path)

    assert (len(dataset.training), len(dataset.test)) == (1, 1)


def test_without_parts_all_images_are_for_evaluation(photos: Path) -> None:
    write(photos, "file_name,label\n0.png,x\n1.png,y\n")

    dataset = load(photos)

    assert dataset.train is None
    assert dataset.test.labels.tolist() == [0, 1]


def test_a_validation_part_beside_a_test_part_is_not_used_which_is_said(photos: Path) -> None:
    write(photos, csv_of([*ROWS, ("3.png", "dog", "val")]))

    dataset = load(photos)

    assert len(dataset.test) == 1
    assert "the validation part is not used: the test images are those of the test part" in dataset.remarks


def test_labels_that_are_numbers_are_the_numbers_of_the_classes(photos: Path) -> None:
    """A class without an image must not shift those after it."""
    write(photos, "file_name,label\n0.png,0\n1.png,3\n")

    dataset = load(photos)

    assert dataset.test.class_names == ("0", "1", "2", "3")
    assert dataset.test.labels.tolist() == [0, 3]


def test_columns_of_other_names_are_given_after_the_path(photos: Path) -> None:
    table = write(photos, "id,species,photo\n7,owl,0.png\n8,elk,1.png\n", "data.csv")

    dataset = load(table, "@file=photo@label=species@224")

    assert dataset.test.class_names == ("elk", "owl")
    assert dataset.test.shape == (3, 224, 224)


def test_groups_in_both_parts_are_counted(photos: Path) -> None:
    rows = [("0.png", "a", "train", "ann"), ("1.png", "a", "train", "bob")]
    rows += [("2.png", "a", "test", "ann"), ("3.png", "a", "test", "eve")]
    write(photos, csv_of(rows, "file_name,label,split,patient"))

    assert not [remark for remark in load(photos).remarks if "groups" in remark]
    assert load(photos, "@group=patient").remarks[-1] == (
        "1 of 2 groups of the test images (ann), with 1 of 2 images, are in the training images too: what is measured "
        "on them may be memorized"
    )


def test_the_test_images_keep_their_groups(photos: Path) -> None:
    rows = [("0.png", "a", "train", "ann"), ("2.png", "a", "test", "eve"), ("3.png", "a", "test", "")]
    write(photos, csv_of(rows, "file_name,label,split,group"))

    assert load(photos).test.groups == ("eve", "")
    assert load(photos, "@group=label").test.groups == ("a", "a")


def test_without_a_column_of_groups_there_are_none(photos: Path) -> None:
    write(photos, csv_of(ROWS))

    assert load(photos).test.groups is None


def test_a_table_without_labels_leaves_the_classes_to_the_folders(album: "Album") -> None:
    album.add("a/0.png", "b/0.png")
    album.write("metadata.csv", "file_name,caption\na/0.png,nice\nb/0.png,good\n")

    dataset = load(album.path)

    assert dataset.test.class_names == ("a", "b")
    assert any("metadata.csv has no column for the classes" in remark for remark in dataset.remarks)


REFUSED = {
    "no rows": ("file_name,label\n", "labels.csv: has no rows"),
    "nothing": ("", "labels.csv: has no rows"),
    "no labels": ("file_name,caption\n0.png,x\n", r"no column is known to hold the classes .*add @label=COLUMN"),
    "no files": ("label,caption\na,x\n", r"no column is known to hold the files .*add @file=COLUMN"),
    "too few values": ("file_name,label\n0.png\n", r"labels\.csv:2: has 1 values for 2 columns"),
    "a column twice": ("file_name,label,label\n0.png,a,b\n", "has two columns 'label'"),
    "an empty file name": ("file_name,label\n0.png,a\n,b\n", r"labels\.csv:3: has no file"),
    "an empty label": ("file_name,label\n0.png,\n", r"labels\.csv:2: has no label"),
    "a negative label": ("file_name,label\n0.png,-1\n", r"labels\.csv:2: label -1 is out of range: .*without a label"),
    "a number that is no class": ("file_name,label\n0.png,20240131\n", r"label 20240131 is out of range"),
    "an unknown part": ("file_name,label,split\n0.png,a,fold3\n", r"labels\.csv:2: 'fold3' is no part of a data set"),
    "training alone": ("file_name,label,split\n0.png,a,train\n", "all images are of the training part"),
    "a class of the test images alone": (
        "file_name,label,split\n0.png,a,train\n1.png,b,test\n",
        r"labels\.csv:3: class 'b' is not among those of the training images",
    ),
    "a missing file": ("file_name,label\nno.png,a\n", r"no\.png: not a readable image \(No such file"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_named_with_its_line(photos: Path, what: str) -> None:
    text, message = REFUSED[what]
    table = write(photos, text, "labels.csv")

    with pytest.raises(DataError, match=message) as caught:
        load(table)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"file_name": "0.png", "label": ["a", "b"]}\n', r"a\.jsonl:1: a label must be a text or a whole"),
        ("a.jsonl", '{"file_name": "0.png", "label": 1.5}\n', r"a\.jsonl:1: a label must be a text or a whole number"),
        ("a.jsonl", "[1]\n", r"a\.jsonl:1: must be an object"),
        ("a.jsonl", "{file: 0}\n", r"a\.jsonl:1: not valid JSON"),
        ("a.parquet", "no parquet", r"a\.parquet: not a readable table"),
        ("a.csv", "file_name,label\n0.png,a\n", "has no column 'labl': did you mean label?"),
    ],
)
def test_other_formats_are_checked_too(photos: Path, name: str, content: str, message: str) -> None:
    table = write(photos, content, name)

    with pytest.raises(DataError, match=message):
        load(table, "@label=labl" if "labl" in message else "")
