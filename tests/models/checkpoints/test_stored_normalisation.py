"""Normalisations that are stored among the weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from robustkd.models import PixelModel, create_model, load_model
from robustkd.models.checkpoints.stored_normalisation import stored_normalisation

MEAN, STD = [0.5, 0.25, 0.125], [0.5, 0.25, 1.0]
ARCHITECTURE = "cifar_wrn_10_1"

CODE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mu", torch.zeros(1, 3, 1, 1))
        self.register_buffer("sigma", torch.ones(1, 3, 1, 1))
        self.head = nn.Linear(3, 4)

    def forward(self, x):
        return self.head(((x - self.mu) / self.sigma).mean((2, 3)))
"""


@pytest.fixture
def network() -> PixelModel:
    return create_model(ARCHITECTURE, num_classes=4, seed=0).eval()


def stored(network: PixelModel, before: str, names: tuple[str, str], shape: tuple[int, ...]) -> dict[str, Tensor]:
    """The weights of a network with names that begin alike, and a normalisation under names of its own."""
    state = {f"{before}{name}": tensor for name, tensor in network.module.state_dict().items()}
    return dict(zip(names, (torch.tensor(MEAN).view(shape), torch.tensor(STD).view(shape)), strict=True)) | state


@pytest.mark.parametrize(
    ("before", "names", "shape"),
    [
        ("", ("mu", "sigma"), (1, 3, 1, 1)),
        ("", ("mean", "std"), (3, 1, 1)),
        ("model.", ("normalize.mean", "normalize.std"), (3,)),
        ("module.model.", ("module.normalize.mean", "module.normalize.std"), (3,)),
        ("module.", ("module.mu", "module.sigma"), (1, 3, 1, 1)),
        ("1.", ("0.mean", "0.std"), (3, 1, 1)),
        ("model.", ("normalizer.new_mean", "normalizer.new_std"), (3, 1, 1)),
    ],
)
def test_a_stored_normalisation_is_taken_over_and_its_origin_is_said(
    before: str, names: tuple[str, str], shape: tuple[int, ...], network: PixelModel, tmp_path: Path, pixels: Tensor
) -> None:
    torch.save({"state_dict": stored(network, before, names, shape)}, tmp_path / "t.pth")

    loaded = load_model(tmp_path / "t.pth", architecture=ARCHITECTURE)

    expected = network((pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1))
    assert torch.allclose(loaded(pixels), expected)
    told = " and ".join(name.removeprefix("module.") for name in names)
    assert loaded.lineage["normalisation"] == f"stored among the weights ({told})"


def test_a_normalisation_that_is_given_comes_first(network: PixelModel, tmp_path: Path) -> None:
    torch.save(stored(network, "", ("mu", "sigma"), (1, 3, 1, 1)), tmp_path / "t.pth")

    loaded = load_model(tmp_path / "t.pth", architecture=ARCHITECTURE, mean=[0.1], std=[0.2])

    assert loaded.mean.flatten().tolist() == pytest.approx([0.1])
    assert loaded.lineage["normalisation"] == "given by the user"
    assert "mu and sigma are not used, because mean and std are given" in loaded.lineage["notes"]


def test_the_second_copy_that_robustness_saves_is_left_out(network: PixelModel) -> None:
    state = stored(network, "model.", ("normalizer.new_mean", "normalizer.new_std"), (3, 1, 1))
    twice = state | {f"attacker.{name}": tensor for name, tensor in state.items()}

    found = stored_normalisation(twice)

    assert found is not None
    assert found.rest.keys() == network.module.state_dict().keys()
    assert f"{len(state)} tensors of 'attacker.', which are there twice, left out" in found.notes


@pytest.mark.parametrize(
    "state",
    [
        {"bn.running_mean": torch.zeros(3), "bn.running_var": torch.ones(3)},
        {"mean": torch.zeros(3)},
        {"mean": torch.zeros(64), "std": torch.ones(64)},
        {"mean": torch.zeros(3), "std": torch.zeros(3)},
        {"mean": torch.zeros(3), "std": torch.ones(1)},
        {"mean": torch.zeros(2, 2), "std": torch.ones(2, 2)},
        {"block.mean": torch.zeros(3), "block.std": torch.ones(3), "block.weight": torch.ones(3)},
    ],
)
def test_what_only_looks_like_a_normalisation_is_left_among_the_weights(state: dict[str, Tensor]) -> None:
    assert stored_normalisation({**state, "fc.weight": torch.eye(4)}) is None


@pytest.mark.usefixtures("own_plugins")
def test_a_network_that_normalises_by_itself_does_so_once(tmp_path: Path, pixels: Tensor) -> None:
    (tmp_path / "theirs.py").write_text(CODE)
    head = nn.Linear(3, 4)
    state = {"mu": torch.tensor(MEAN).view(1, 3, 1, 1), "sigma": torch.tensor(STD).view(1, 3, 1, 1)}
    torch.save(state | {f"head.{name}": tensor for name, tensor in head.state_dict().items()}, tmp_path / "t.pth")

    loaded = load_model(tmp_path / "t.pth", architecture=f"{tmp_path}/theirs.py::Net")

    normalised = (pixels - state["mu"]) / state["sigma"]
    assert torch.allclose(loaded(pixels), head(normalised.mean((2, 3))))
    assert loaded.lineage["normalisation"] == "the network itself"


def test_renamed_weights_are_counted(network: PixelModel, tmp_path: Path) -> None:
    state = network.module.state_dict()
    torch.save(state, tmp_path / "same.pth")
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "prefixed.pth")

    counts = [load_model(tmp_path / f"{name}.pth", architecture=ARCHITECTURE) for name in ("same", "prefixed")]

    assert [each.lineage["renamed"] for each in counts] == [0, len(state)]
