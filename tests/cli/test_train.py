from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import robustkd as rk
from robustkd.cli import app

BRIEFLY = ["--set", "training.epochs=1", "--set", "training.milestones=[]", "--device", "cpu"]


def test_a_teacher_is_trained_and_then_its_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    common = ["train", "--data", "digits", "--architecture", "cifar_wrn_10_1", *BRIEFLY]

    teacher = CliRunner().invoke(app, [*common, "--seed", "7", "--out", "t.safetensors"])
    student = CliRunner().invoke(
        app,
        [
            *common,
            "--method",
            "hinton",
            "--teacher",
            "t.safetensors",
            "--set",
            "temperature=2",
            "--out",
            "s.safetensors",
        ],
    )

    assert (teacher.exit_code, student.exit_code) == (0, 0), teacher.output + student.output
    lineage = rk.load_model("s.safetensors").lineage
    assert (lineage["method"], lineage["options"]["temperature"], lineage["recipe"]["epochs"]) == ("hinton", 2.0, 1)
    assert list(pd.read_csv("s.history.csv")["stage"]) == ["training"]
    assert "of the test images classified correctly" in student.stdout


def test_a_teacher_is_trained_under_the_condition_of_its_role(tmp_path: Path) -> None:
    out = tmp_path / "teacher.safetensors"
    what = ["--data", "digits", "--architecture", "cifar_wrn_10_1", "--condition", "backdoor: {size: 2}"]

    result = CliRunner().invoke(app, ["train", *what, *BRIEFLY, "--role", "teacher", "--out", str(out)])

    assert result.exit_code == 0, result.output
    lineage = rk.load_model(out).lineage
    assert (lineage["role"], lineage["condition"]) == ("teacher", "backdoor 5% 2×2")
