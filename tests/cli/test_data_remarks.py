from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import robustkd as rk
from robustkd.cli import app

STUDY = """
name: remarks
data: {name: "folder:PATH"}
students: {architecture: cifar_wrn_10_1, methods: [baseline], seeds: 0}
training: {epochs: 1, milestones: []}
evaluations: [generalization]
"""


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    folder = tmp_path / "pets"
    for index, name in enumerate(("train/cat/0", "train/dog/0", "test/cat/0", "test/dog/0")):
        (folder / name).parent.mkdir(parents=True)
        noise = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{name}.png")
    (folder / "train" / "cat" / "notes.txt").touch()
    return folder


def remark(pets: Path) -> str:
    return (
        f"pets: 1 file of a class is not read: it has no suffix of an image (.txt), such as {pets}/train/cat/notes.txt"
    )


def test_evaluate_prints_what_must_be_known_of_the_data(pets: Path, tmp_path: Path) -> None:
    rk.save_model(rk.create_model("cifar_wrn_10_1", num_classes=2, seed=0), tmp_path / "s.safetensors")

    done = CliRunner().invoke(
        app,
        [
            *("evaluate", "--data", f"folder:{pets}", "--student", str(tmp_path / "s.safetensors")),
            *("--out", str(tmp_path / "run"), "--device", "cpu"),
            *("--evaluation", "generalization"),
        ],
    )

    assert done.stderr.splitlines().count(remark(pets)) == 1
    assert remark(pets).removeprefix("pets: ") in (tmp_path / "run" / "report" / "report.md").read_text("utf-8")


def test_run_and_train_print_it_too(pets: Path, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace("PATH", str(pets)))
    place = ("--out", str(tmp_path / "run"), "--device", "cpu")

    run = CliRunner().invoke(app, ["run", str(tmp_path / "study.yaml"), *place, "--workers", "1"])
    train = CliRunner().invoke(
        app,
        [
            *("train", "--data", f"folder:{pets}", "--architecture", "cifar_wrn_10_1", "--device", "cpu"),
            *(
                "--out",
                str(tmp_path / "x.safetensors"),
                "--set",
                "training.epochs=1",
                "--set",
                "training.milestones=[]",
            ),
        ],
    )

    assert (run.exit_code, train.exit_code) == (0, 0), (run.stderr, train.stderr)
    for done in (run, train):
        assert done.stderr.splitlines().count(remark(pets)) == 1
