"""Networks of many families, saved by other code in many ways, are measured by one command as they are."""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F
from typer.testing import CliRunner

from robustkd.cli import app

IMAGES, CLASSES = 8, 4
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)

Save = Callable[[dict[str, Tensor]], Any]


@dataclass(frozen=True)
class Case:
    """A network, how it is named, and how its weights are saved."""

    name: str
    architecture: str
    save: Save = dict
    size: int = 32
    tolerance: float = 1e-4

    def build(self) -> nn.Module:
        torch.manual_seed(0)
        name = self.architecture.removeprefix("torchvision/")
        if name != self.architecture:
            return torchvision.models.get_model(name, weights=None, num_classes=CLASSES)
        network: nn.Module = timm.create_model(name, num_classes=CLASSES)
        return network


def cast(dtype: torch.dtype) -> Save:
    return lambda state: {name: each.to(dtype) if each.is_floating_point() else each for name, each in state.items()}


def as_timm_trains(state: dict[str, Tensor]) -> dict[str, Any]:
    """The layout of a checkpoint of timm's training script."""
    averaged = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    args = argparse.Namespace(model="test_resnet", lr=0.1)
    return {"epoch": 3, "arch": "test_resnet", "state_dict": state, "state_dict_ema": averaged, "args": args}


CASES = [
    Case("residual", "test_resnet", as_timm_trains),
    Case("half", "torchvision/squeezenet1_1", cast(torch.float16), tolerance=1e-2),
    Case("double", "torchvision/shufflenet_v2_x0_5", cast(torch.float64)),
    Case("dropout", "torchvision/mobilenet_v3_small", lambda state: {"model": state}),
    Case(
        "depth", "torchvision/efficientnet_b0", lambda state: {f"module.{name}": each for name, each in state.items()}
    ),
    Case(
        "transformer",
        "test_vit",
        lambda state: {"state_dict": {f"model.{key}": each for key, each in state.items()}},
        160,
    ),
    Case("convolutional", "test_convnext", cast(torch.bfloat16), tolerance=5e-2),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one command that measures all of them."""
    folder = tmp_path_factory.mktemp("foreign")
    labels = np.arange(IMAGES) % CLASSES
    np.savez(folder / "data.npz", x_train=images(), y_train=labels, x_test=images(), y_test=labels)
    students = []
    for case in CASES:
        torch.save(case.save(case.build().state_dict()), folder / f"{case.name}.pth")
        students += ["--student", f"{case.name}={case.architecture}:{folder / case.name}.pth"]
    pixels = ("--mean", ",".join(map(str, MEAN)), "--std", ",".join(map(str, STD)))
    few = ("--set", "transferability.steps=1", "--set", "transferability.square_queries=2", "--device", "cpu")
    command = [
        "evaluate",
        "--data",
        f"npz:{folder / 'data.npz'}",
        *students,
        *pixels,
        *few,
        "--out",
        str(folder / "run"),
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    return folder / "run"


def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (IMAGES, 32, 32, 3), dtype=np.uint8)


def told(run: Path, name: str) -> dict[str, Any]:
    members = json.loads((run / "run.json").read_text())["members"]
    found: dict[str, Any] = next(member for member in members if member["member"] == name)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_network_is_measured_with_the_logits_that_it_gives_in_evaluation(case: Case, run: Path) -> None:
    pixels = torch.from_numpy(images()).permute(0, 3, 1, 2) / 255
    if case.size != 32:
        pixels = F.interpolate(pixels, (case.size, case.size), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        expected = case.build().eval()((pixels - mean) / std).numpy()

    # the answers to attacks are kept there too
    kept = [np.load(file) for file in (run / "predictions").glob("*.npz")]
    held = [each["logits"] for each in kept if "logits" in each]

    assert len(held) == len(CASES)
    nearest = min(float(np.abs(found - expected).max()) for found in held)
    assert nearest <= case.tolerance * np.abs(expected).max()


def test_the_report_tells_how_each_was_read(run: Path) -> None:
    assert (
        told(run, "residual")["notes"][0] == "weights from 'state_dict'; the file also has 'state_dict_ema', not taken"
    )
    assert "weights stored in float16, used in float32" in told(run, "half")["notes"]
    assert "weights stored in float64, used in float32" in told(run, "double")["notes"]
    assert told(run, "depth")["renamed"] == len(CASES[4].build().state_dict())
    assert told(run, "transformer")["preprocessing"].endswith("resized to 160, bilinear")
    assert {told(run, case.name)["precision"] for case in CASES} == {"float32"}
    assert {told(run, case.name)["normalisation"] for case in CASES} == {"given by the user"}
