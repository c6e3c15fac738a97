"""The benchmark of the trainer times every method, whatever it asks of its batches."""

import argparse
import sys
from pathlib import Path

import pytest
import torch

from robustkd.distillation import METHODS

BENCHMARKS = Path(__file__).parents[2] / "experiments" / "benchmarks"
SMALLEST = {
    "network": "cifar_wrn_10_1",
    "teacher": "cifar_wrn_10_1",
    "image_size": 8,
    "batch_size": 32,
    "precision": "float32",
    "graph": "off",
    "compile": False,
    "steps": 2,
    "rounds": 1,
    "workers": 0,
}


@pytest.mark.parametrize(
    ("method", "stages"),
    [
        ("focal", ["training"]),
        ("crd", ["training"]),  # places of images
        ("uda", ["training"]),  # other views
        ("born_again", ["generation 0", "training"]),
        ("cleanlab", ["cross-validation", "training"]),  # all labels beforehand
    ],
)
def test_there_is_a_row_for_each_stage(method: str, stages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import trainer

    settings, cpu = argparse.Namespace(**SMALLEST), torch.device("cpu")
    data = trainer._random_data(192, 8)
    loaders = {"plain": trainer.loader_of("plain", data, settings, cpu)}

    rows = trainer.measure(method, data, loaders, settings, cpu)

    assert [row["stage"] for row in rows] == stages
    assert all(row[speed] > 0 for row in rows for speed in ("images_per_second", "floor", "plain"))


def test_all_methods_are_timed_unless_some_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import trainer

    monkeypatch.setattr(sys, "argv", ["trainer.py"])

    assert trainer._arguments().methods == METHODS.names()
