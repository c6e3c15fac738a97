"""Files that cannot be used are refused together, or left out and counted."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import robustkd as rk
from robustkd.cli import main
from robustkd.data import load_dataset
from robustkd.errors import DataError

GOOD = 3


def picture(file: Path, seed: int = 0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(file)
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, name in enumerate(("a/0", "b/1", "b/2")):
        picture(tmp_path / "album" / f"{name}.png", index)
    return tmp_path / "album"


def truncated(file: Path) -> None:
    file.write_bytes(picture(file).read_bytes()[:100])


def changed_in_the_middle(file: Path) -> None:
    content = bytearray(picture(file).read_bytes())
    content[60:80] = bytes(20)
    file.write_bytes(bytes(content))


def unreadable(file: Path) -> None:
    picture(file).chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read everything")


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "zero bytes": (lambda file: file.touch(), "empty"),
    "no image": (lambda file: file.write_text("hello"), "of no format that Pillow knows"),
    "truncated": (truncated, ""),
    "changed": (changed_in_the_middle, ""),
    "16-bit grey": (lambda file: Image.new("I;16", (8, 8)).save(file), "more than 8 bits per channel"),
    "32-bit grey": (lambda file: Image.new("I", (8, 8)).save(file, "TIFF"), "more than 8 bits per channel"),
    "a link to nothing": (lambda file: file.symlink_to("nowhere"), "No such file or directory"),
    "a link to itself": (lambda file: file.symlink_to(file.name), "Too many levels of symbolic links"),
    "a named pipe": (os.mkfifo, "not a regular file"),
    "unreadable": (unreadable, "Permission denied"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_it_is_left_out_and_counted_or_refused(folder: Path, what: str) -> None:
    make, reason = BROKEN[what]
    make(folder / "b" / "odd.png")

    dataset = load_dataset(f"folder:{folder}", skip_broken=True)

    assert dataset.test.labels.tolist() == [0, 1, 1]
    assert dataset.test.read(torch.arange(GOOD)).shape == (GOOD, 3, 8, 8)
    (said,) = dataset.remarks
    assert said.startswith(f"1 of 4 image files cannot be used and is left out; the first: {folder}/b/odd.png: ")
    assert reason in said
    with pytest.raises(DataError, match=r"odd\.png: "):
        load_dataset(f"folder:{folder}").test.read(torch.arange(GOOD + 1))


def test_those_of_both_parts_are_counted_together(tmp_path: Path) -> None:
    for name in ("train/a/0", "test/a/0"):
        picture(tmp_path / f"{name}.png")
        (tmp_path / f"{name}x.png").touch()

    (said, *_) = load_dataset(f"folder:{tmp_path}@broken=skip").remarks

    assert said.startswith("2 of 4 image files cannot be used and are left out; the first: ")


def test_a_class_that_loses_all_its_images_stays_a_class(folder: Path) -> None:
    (folder / "a" / "0.png").write_text("hello")

    dataset = load_dataset(f"folder:{folder}@broken=skip")

    assert dataset.test.class_names == ("a", "b")
    assert dataset.test.labels.tolist() == [1, 1]


def test_if_all_are_broken_there_is_nothing_to_go_on_with(folder: Path) -> None:
    for file in folder.glob("*/*.png"):
        file.write_text("hello")

    with pytest.raises(DataError, match="3 of 3 image files cannot be used; the first: "):
        load_dataset(f"folder:{folder}@broken=skip")


def test_nothing_is_said_where_nothing_is_broken(folder: Path) -> None:
    assert load_dataset(f"folder:{folder}", skip_broken=True).remarks == ()


@pytest.mark.parametrize("name", ["digits"])
def test_arrays_have_no_broken_files(name: str) -> None:
    assert load_dataset(name, skip_broken=True).digest == load_dataset(name).digest


def run(command: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("sys.argv", ["robustkd", *command])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_the_command_line_counts_them_and_goes_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    truncated(folder / "a" / "cut.png")
    rk.save_model(rk.create_model("cifar_wrn_10_1", num_classes=2, seed=0), tmp_path / "s.safetensors")
    command = ["evaluate", "--data", f"folder:{folder}", "--student", str(tmp_path / "s.safetensors")]
    command += ["--out", str(tmp_path / "run"), "--device", "cpu"]
    command += ["--evaluation", "generalization"]

    assert run(command, monkeypatch) == 2
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith(f"error: {folder}/a/cut.png: not a readable image (")
    assert message.endswith("remove or replace it, or leave it out with --skip-broken")
    assert not (tmp_path / "run").exists()

    assert run([*command, "--skip-broken"], monkeypatch) == 0
    said = "1 of 4 image files cannot be used and is left out"
    assert said in capsys.readouterr().err
    assert said in (tmp_path / "run" / "report" / "report.md").read_text(encoding="utf-8")
