"""Real CIFAR-10 images through everything that `robustkd evaluate` does."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

import robustkd as rk
from robustkd.data import Dataset
from robustkd.distillation import METHODS, Recipe, train


def test_networks_trained_on_real_images_go_through_the_whole_of_evaluate(cifar10: Dataset, tmp_path: Path) -> None:
    teacher, baseline, student = (rk.create_model("cifar_wrn_10_1", num_classes=10, seed=seed) for seed in range(3))
    recipe = Recipe(epochs=4, milestones=(3,), batch_size=64)
    train(METHODS["baseline"](teacher), cifar10, recipe, seed=0)
    train(METHODS["baseline"](baseline), cifar10, recipe, seed=1)
    train(METHODS["hinton"](student, teacher), cifar10, recipe, seed=1)
    data = replace(cifar10, test=cifar10.test.subset(torch.arange(100)))

    evaluated = rk.evaluate(
        rk.ModelPool(teacher, baseline, {"hinton": student}),
        data,
        options={"transferability": {"images": 50, "steps": 3, "square_queries": 100}},
        out=tmp_path / "run",
        device="cpu",
    )

    accuracy = evaluated.results["generalization"].query("metric == 'accuracy' and level == 'network'")
    with torch.no_grad():
        predicted = student(data.test.pixels(0, 100)).argmax(1)
    expected = float((predicted == data.test.labels).double().mean())
    assert accuracy.set_index("member")["value"]["hinton"] == pytest.approx(expected)
    assert evaluated.page.is_file()


@pytest.mark.slow
def test_two_foreign_checkpoints_on_cifar10_from_the_command_line(data_root: Path, tmp_path: Path) -> None:
    import timm

    for seed, name in enumerate(("teacher", "student")):
        torch.manual_seed(seed)
        torch.save(timm.create_model("resnet18", num_classes=10).state_dict(), tmp_path / f"{name}.pth")

    done = subprocess.run(
        [
            *(sys.executable, "-m", "robustkd", "evaluate", "--data", "cifar10"),
            *("--teacher", "resnet18:teacher.pth", "--student", "resnet18:student.pth", "--limit", "200"),
            *("--set", "transferability.steps=2", "--out", "run"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "ROBUSTKD_DATA": str(data_root)},
    )

    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(tmp_path / "run" / "results" / "generalization.csv")
    assert set(frame["member"]) == {"teacher", "student"}
    assert (frame["n"] == 200).all()
