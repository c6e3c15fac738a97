"""Tar files of the WebDataset format, as the library `webdataset` writes them, and what is wrong with others."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from robustkd.data import Dataset, load_dataset
from robustkd.errors import DataError

Files = dict[str, bytes]


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (6, 5, 3), dtype=np.uint8)


def png(seed: int) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(noise(seed)).save(encoded, "PNG")
    return encoded.getvalue()


def sample(index: int, label: object, suffix: str = "cls") -> Files:
    return {f"{index:04}.png": png(index), f"{index:04}.{suffix}": str(label).encode()}


def tar(file: Path, *samples: Files) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for name, content in ((name, content) for each in samples for name, content in each.items()):
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return file


def load(path: Path | str, options: str = "") -> Dataset:
    return load_dataset(f"webdataset:{path}{options}")


def test_what_the_library_writes_is_read(tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    for part, seeds in (("train", (0, 1)), ("test", (2, 3))):
        with webdataset.TarWriter(str(tmp_path / f"{part}-000.tar")) as writer:
            for seed in seeds:
                writer.write({"__key__": f"{seed:05}", "png": noise(seed), "cls": seed % 2})

    dataset = load(tmp_path)

    assert (dataset.training.labels.tolist(), dataset.test.labels.tolist()) == ([0, 1], [0, 1])
    expected = np.stack([np.moveaxis(noise(seed), -1, 0) for seed in (2, 3)])
    assert np.array_equal(dataset.test.read(torch.arange(2)).numpy(), expected)
    assert dataset.remarks == ()


def test_other_processes_decode_the_same(tmp_path: Path) -> None:
    images = load(tar(tmp_path / "a.tar", *(sample(index, 0) for index in range(130)))).test

    (decoded,) = images.with_workers(1).read_batches(130)

    assert torch.equal(decoded, images.read(torch.arange(130)))


@pytest.mark.parametrize(
    ("names", "path", "train", "test"),
    [
        (["all.tar"], "all.tar", None, 1),
        (["a-00.tar", "a-01.tar", "a-02.tar"], "a-{00..01}.tar", None, 2),
        (["a.tar", "b.tar", "c.tar"], "{a,c}.tar", None, 2),
        (["train/0.tar", "train/1.tar", "val/0.tar"], "", 2, 1),
        (["pets-0.tar", "pets-1.tar"], "", None, 2),
        (["train-0.tar"], "train-0.tar", None, 1),
        (["imagenet1k-train-0.tar", "imagenet1k-validation-0.tar"], "", 1, 1),
    ],
)
def test_names_tell_the_parts(names: list[str], path: str, train: int | None, test: int, tmp_path: Path) -> None:
    for index, name in enumerate(names):
        tar(tmp_path / name, sample(index, 0))

    dataset = load(f"{tmp_path}/{path}")

    assert (dataset.train and len(dataset.train)) == train
    assert len(dataset.test) == test


@pytest.mark.parametrize(
    ("samples", "options", "names", "labels"),
    [
        ([sample(0, 2), sample(1, 0)], "", ("0", "1", "2"), [2, 0]),
        ([sample(0, "owl"), sample(1, "elk\n")], "", ("elk", "owl"), [1, 0]),
        ([sample(0, json.dumps({"label": 1, "caption": "x"}), "json")], "", ("0", "1"), [1]),
        ([sample(0, json.dumps({"fine": "owl"}), "json")], "@label=fine", ("owl",), [0]),
        ([sample(0, 1, "y.txt")], "@label=y.txt", ("0", "1"), [1]),
    ],
)
def test_the_class_is_in_a_file_of_its_own_or_in_json(
    samples: list[Files], options: str, names: tuple[str, ...], labels: list[int], tmp_path: Path
) -> None:
    dataset = load(tar(tmp_path / "a.tar", *samples), options)

    assert dataset.test.class_names == names
    assert dataset.test.labels.tolist() == labels


def test_classes_are_named_by_a_list_beside_the_files(tmp_path: Path) -> None:
    tar(tmp_path / "test" / "0.tar", sample(0, 0), sample(1, 1))
    (tmp_path / "classnames.txt").write_text("owl\nelk\n")

    assert load(tmp_path).test.class_names == ("owl", "elk")


def test_what_is_no_image_is_left_out(tmp_path: Path) -> None:
    extra = {"README.txt": b"hello", "._0000.png": b"of a Mac"}

    assert len(load(tar(tmp_path / "a.tar", extra, sample(0, 0))).test) == 1


def test_a_broken_image_is_named_or_left_out(tmp_path: Path) -> None:
    file = tar(tmp_path / "a.tar", sample(0, 0), {"0001.jpg": b"hello", "0001.cls": b"0"})

    with pytest.raises(DataError, match=r"a\.tar:0001\.jpg: not a readable image"):
        load(file)
    assert len(load(file, "@broken=skip").test) == 1


def truncated(file: Path) -> None:
    tar(file, sample(0, 0), {"0001.png": png(1) * 50, "0001.cls": b"0"})
    file.write_bytes(file.read_bytes()[:4000])


def compressed(file: Path) -> None:
    file.write_bytes(gzip.compress(tar(file.with_name("plain"), sample(0, 0)).read_bytes()))


REFUSED = {
    "nothing there": ("a.tar", lambda file: None, "no such file"),
    "no tar": ("a.tar", lambda file: file.write_text("hello" * 999), r"a\.tar: no tar file"),
    "empty": ("a.tar", lambda file: file.touch(), r"a\.tar: no tar file"),
    "truncated": ("a.tar", truncated, r"ends within 0001\.png: it is truncated"),
    "compressed": ("a.tar.gz", compressed, "is compressed: decompress it"),
    "no images": ("a.tar", lambda file: tar(file, {"a.txt": b"x"}), r"a\.tar: holds no images"),
    "no class": (
        "a.tar",
        lambda file: tar(file, {"0.png": png(0), "0.txt": b"a dog"}),
        r"a\.tar:0\.png: has no class: no file \.cls or \.label or \.class .* \(files: \.png, \.txt\)",
    ),
    "a negative class": ("a.tar", lambda file: tar(file, sample(0, -1)), r"0000\.png: label -1 is out of range"),
    "damaged JSON": ("a.tar", lambda file: tar(file, sample(0, "{", "json")), r"0000\.json: not valid JSON"),
    "a file twice": ("a.tar", lambda file: tar(file, sample(0, 0), sample(0, 0)), r"holds 0000\.png twice"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_named(what: str, tmp_path: Path) -> None:
    name, make, message = REFUSED[what]
    make(tmp_path / name)  # type: ignore[no-untyped-call]

    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path / name)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("path", ["https://x.org/a.tar", "s3://x/a.tar", "pipe:touch executed"])
def test_what_is_elsewhere_is_refused_and_nothing_is_executed(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DataError, match=r"is not on this machine; .*: download the tar files first"):
        load(path)
    assert not list(tmp_path.iterdir())


def test_too_few_names_are_refused(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("owl\n")

    with pytest.raises(DataError, match=r"classes\.txt: names 1 classes, but labels go up to 3"):
        load(tar(tmp_path / "a.tar", sample(0, 3)))


def test_a_folder_without_tar_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no tar files"):
        load(tmp_path)
