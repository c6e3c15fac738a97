"""Files that are no images: one message names them, and nothing waits for them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from robustkd.data import load_dataset
from robustkd.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "album" / "a").mkdir(parents=True)
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(tmp_path / "album" / "a" / "good.png")
    return tmp_path / "album"


def png(file: Path) -> bytes:
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)).save(file)
    return file.read_bytes()


ODD = {
    "empty": (lambda file: file.touch(), "empty"),
    "text": (lambda file: file.write_text("hello"), "of no format that Pillow knows"),
    "header only": (lambda file: file.write_bytes(png(file)[:20]), "not a readable image"),
    "named pipe": (lambda file: os.mkfifo(file), "not a regular file"),
    "socket": (lambda file: socket.socket(socket.AF_UNIX).bind(str(file)), "not a regular file"),
    "device": (lambda file: os.symlink("/dev/zero", file), "not a regular file"),
    "link to nothing": (lambda file: os.symlink("nowhere", file), "No such file or directory"),
    "link to itself": (lambda file: os.symlink(file.name, file), "Too many levels of symbolic links"),
}


@pytest.mark.parametrize("kind", ODD)
def test_an_odd_file_is_named_when_the_folder_is_loaded(
    folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "a")  # the path of a socket must be short
    make, reason = ODD[kind]
    make(Path("odd.png"))

    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{folder}")

    message = str(caught.value)
    assert message.startswith(f"{folder}/a/odd.png: not a readable image (")
    assert reason in message
    assert message.endswith("; remove or replace it, or leave it out with --skip-broken")


def test_several_are_counted_and_the_first_is_named(folder: Path) -> None:
    for name in ("x", "y", "z"):
        (folder / "a" / f"{name}.png").write_text("hello")

    with pytest.raises(DataError, match=r"^3 of 4 image files cannot be used; the first: \S+/a/x\.png: not a readable"):
        load_dataset(f"folder:{folder}")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncated_images_are_found_when_the_folder_is_loaded(folder: Path, suffix: str) -> None:
    file = folder / "a" / f"cut{suffix}"
    Image.effect_noise((64, 64), 50).convert("RGB").save(file)
    file.write_bytes(file.read_bytes()[:-200])

    with pytest.raises(DataError, match=rf"a/cut\{suffix}: not a readable image"):
        load_dataset(f"folder:{folder}")


def test_what_follows_a_whole_image_is_no_damage(folder: Path) -> None:
    with open(folder / "a" / "good.png", "ab") as file:
        file.write(bytes(5000))

    assert len(load_dataset(f"folder:{folder}").test) == 1


def test_images_that_are_damaged_within_are_counted_when_they_are_read(folder: Path) -> None:
    whole = (folder / "a" / "good.png").read_bytes()
    start = whole.index(b"IDAT") + 6
    for name in ("x", "y"):
        (folder / "a" / f"{name}.png").write_bytes(whole[:start] + bytes(8) + whole[start + 8 :])
    images = load_dataset(f"folder:{folder}").test

    with pytest.raises(DataError, match=r"^2 of 3 image files cannot be used; the first: \S+/a/x\.png: not a readable"):
        images.read(torch.arange(3))


def test_a_folder_called_like_an_image_is_a_folder(folder: Path) -> None:
    (folder / "a" / "sub.png").mkdir()
    png(folder / "a" / "sub.png" / "0.png")

    assert len(load_dataset(f"folder:{folder}").test) == 2


@pytest.mark.parametrize("name", ["new\nline", "turn\u202earound", "escape\x1b[31m", "x" * 250])
def test_odd_names_give_one_line(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    png(folder / name / f"{name}.png")
    (folder / name / "more").mkdir()
    png(folder / name / "more" / "0.png")
    dataset = load_dataset(f"folder:{folder}")
    assert all(remark.isprintable() for remark in (*dataset.remarks, *dataset.test.class_names))

    (folder / name / f"{name}.png").write_text("hello")
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{folder}")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("path", "reason"), [("x" * 300, "no such folder"), ("/dev/null", "is not a folder"), ("a\0b", "no such folder")]
)
def test_what_is_no_folder_is_refused(path: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load_dataset(f"folder:{path}")


WAITS_FOR_NOTHING = """
import sys
import numpy as np
import robustkd as rk
from robustkd.data.corruptions.arrays import CorruptionArrays
from robustkd.errors import BadInputError
pipe = sys.argv[1]
digits = rk.load_dataset("digits")
human = {"label_noise": {"kind": "human", "labels": pipe}}
for attempt in (
    lambda: rk.load_dataset(f"folder:{pipe}"),
    lambda: rk.load_dataset(f"npz:{pipe}"),
    lambda: rk.load_dataset("npz:" + 300 * "x"),
    lambda: rk.load_model(pipe, architecture="resnet18", num_classes=10),
    lambda: rk.load_model(300 * "x"),
    lambda: rk.data.CONDITIONS["label_noise"](kind="human", labels=pipe).apply(digits.train, 0),
    lambda: CorruptionArrays(sys.argv[2], digits.test),
):
    try:
        attempt()
    except BadInputError as error:
        print(error)
"""


def test_nothing_waits_for_a_named_pipe(tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    for pipe in ("pipe", "arrays/labels.npy", "arrays/fog.npy"):
        os.mkfifo(tmp_path / pipe)

    done = subprocess.run(
        [sys.executable, "-c", WAITS_FOR_NOTHING, str(tmp_path / "pipe"), str(tmp_path / "arrays")],
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert done.stdout.splitlines() == [
        f"{tmp_path}/pipe: is not a folder",
        f"{tmp_path}/pipe: not a regular file",
        f"{'x' * 300}: File name too long",
        f"{tmp_path}/pipe: not a regular file",
        f"{'x' * 300}: File name too long",
        f"{tmp_path}/pipe: not a readable .npy file of labels (not a regular file)",
        f"{tmp_path}/arrays/labels.npy: not readable as an array (not a regular file)",
    ], done.stderr
