"""`robustkd doctor --models`."""

import os
import re
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from typer.testing import CliRunner

import robustkd as rk
from robustkd.cli import app
from robustkd.data import Dataset

ORDER = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]

CIFAR10 = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)


def doctor(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "120"}).invoke(app, ["doctor", "--device", "cpu", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return rk.load_dataset("digits")


@pytest.fixture(scope="module")
def trained(digits: Dataset) -> dict[str, Tensor]:
    """A linear network for digits with a mean and a standard deviation of 0.5, by least squares."""
    images = 2 * digits.training.pixels(0, len(digits.training)).flatten(1) - 1
    images = torch.cat([images, torch.ones(len(images), 1)], dim=1)
    targets = torch.nn.functional.one_hot(digits.training.labels, 10).float()
    solution = torch.linalg.solve(images.T @ images + torch.eye(65), images.T @ targets).T
    return {"weight": solution[:, :64], "bias": solution[:, 64]}


@pytest.fixture
def code(tmp_path: Path, own_plugins: None) -> Path:
    text = "from torch import nn\n\n\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    (tmp_path / "theirs.py").write_text(text)
    return tmp_path / "theirs.py"


def saved(state: dict[str, Tensor], file: Path) -> Path:
    torch.save({f"1.{name}": tensor for name, tensor in state.items()}, file)
    return file


def test_a_network_that_fits_is_left_alone(code: Path, trained: dict[str, Tensor], tmp_path: Path) -> None:
    stored = {"0.mean": torch.tensor([0.5]), "0.std": torch.tensor([0.5])}
    torch.save(stored | {f"1.1.{name}": tensor for name, tensor in trained.items()}, tmp_path / "w.pth")

    said = doctor("--data", "digits", "--models", f"kd={code}::net:{tmp_path / 'w.pth'}")

    assert "kd (net()-" in said
    assert re.search(r"\nkd: fits best as given, 9\d\.\d %\n$", said)


def test_the_flags_that_are_printed_make_evaluate_measure_the_network_as_it_is(
    code: Path, trained: dict[str, Tensor], tmp_path: Path
) -> None:
    torch.save({f"1.{name}": tensor[ORDER] for name, tensor in trained.items()}, tmp_path / "w.pth")
    model = f"kd={code}::net:{tmp_path / 'w.pth'}"

    flags = doctor("--data", "digits", "--models", model).splitlines()[-1].partition(": give ")[2]

    assert flags == f"--normalise kd=0.5/0.5 --classes kd={','.join(str(ORDER.index(label)) for label in range(10))}"
    rest = ("--evaluation", "generalization", "--device", "cpu", "--out", str(tmp_path / "run"))
    command = ["evaluate", "--data", "digits", "--student", model, *flags.split(), *rest]
    assert CliRunner().invoke(app, command).exit_code == 0
    table = pd.read_csv(tmp_path / "run" / "results" / "generalization.csv")
    assert table.loc[(table["metric"] == "accuracy") & (table["level"] == "network"), "value"].item() > 0.9


def test_models_need_data_and_data_models() -> None:
    models = CliRunner().invoke(app, ["doctor", "--models", "kd=w.pth"])
    data = CliRunner().invoke(app, ["doctor", "--data", "digits"])

    assert "--models needs images to try the networks on: give --data" in str(models.exception)
    assert "--data is for --models" in str(data.exception)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "normalised", "bgr", "permuted", "all"])
def test_real_networks_on_real_images_are_seen_through(kind: str, data_root: Path, tmp_path: Path) -> None:
    given = os.environ.get("ROBUSTKD_CHECKPOINTS")
    folder = Path(given) if given else Path(__file__).parents[3] / "shared" / "checkpoints"
    if not (folder / "cifar10_resnet8_baseline_seed0.safetensors").is_file():
        pytest.skip("needs networks of CIFAR-10: set ROBUSTKD_CHECKPOINTS to their folder")
    state = load_file(folder / "cifar10_resnet8_baseline_seed0.safetensors")
    if kind in ("normalised", "all"):  # the same network for pixels that are normalised, but for the zeros at borders
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in CIFAR10)
        weight = state["stem.conv.weight"]
        state |= {
            "stem.conv.weight": weight * std,
            "stem.bn.running_mean": state["stem.bn.running_mean"] - (weight * mean).sum((1, 2, 3)),
        }
    if kind in ("bgr", "all"):
        state["stem.conv.weight"] = state["stem.conv.weight"].flip(1)
    if kind in ("permuted", "all"):
        state |= {name: state[name][ORDER] for name in ("fc.weight", "fc.bias")}
    torch.save(state, tmp_path / "kd.pth")

    models = ("--models", f"kd=cifar_resnet8:{tmp_path / 'kd.pth'}")
    said = doctor("--data", "cifar10", "--data-root", str(data_root), *models).splitlines()[-1]

    order = ",".join(str(ORDER.index(label)) for label in range(10))
    flags = {
        "plain": r"as given",
        "normalised": r"--normalise kd=0\.4914,0\.4822,0\.4465/0\.247,0\.2435,0\.2616$",
        "bgr": r"give --bgr kd$",
        "permuted": rf"give --classes kd={order}$",
        "all": rf"give --normalise kd=0\.4465,0\.4822,0\.4914/0\.2616,0\.2435,0\.247 --bgr kd --classes kd={order}$",
    }
    assert re.search(flags[kind], said), said
    assert 84 < float(re.search(r"([\d.]+) %", said)[1]) < 92  # type: ignore[index]
