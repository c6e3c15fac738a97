"""Networks that hide their gradients, each a trained one with another layer; what it withstands is known without it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Dataset, load_dataset
from robustkd.evaluations.transferability import Transferability
from robustkd.evaluations.transferability.options import TransferabilityOptions
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache
from robustkd.results.records import Check, Records

OPTIONS = TransferabilityOptions(epsilon=0.1, step_size=0.03, steps=10, square_queries=100)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    data = load_dataset("digits")
    return replace(data, test=data.test.subset(torch.arange(100)))


def trained(spread: float = 1.0) -> nn.Module:
    """A network of two layers, trained on digits in a second."""
    data = load_dataset("digits").training
    pixels, generator = data.pixels(0, len(data)), torch.Generator().manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(120):
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(pixels), data.labels).backward()
        optimiser.step()
    network[3].weight.data *= spread
    network[3].bias.data *= spread
    return network


class OtherBackward(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: Tensor, backward: str) -> Tensor:
        context.backward = backward
        return x.clone()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        zero = context.backward == "zero"
        return (torch.zeros_like(gradient) if zero else torch.randn_like(gradient)), None


class Hidden(nn.Module):
    """A trained network behind a layer that hides its gradients."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.network, self.how = trained(), how

    def forward(self, x: Tensor) -> Tensor:
        if self.how == "rounded":
            return self.network((x * 15).round() / 15)
        return self.network(OtherBackward.apply(x, self.how))


def attacked(network: nn.Module, data: Dataset) -> Records:
    pool = ModelPool(students={"at": PixelModel(network, architecture="net")})
    return Transferability(OPTIONS).measure(pool, data, PredictionCache(data))


def failed(records: Records) -> dict[str, Check]:
    return {check.name: check for check in records.checks if not check.passed}


def robust_accuracy(records: Records) -> float:
    frame = Transferability().summarise(records)
    row = frame[(frame["metric"] == "worst_case_accuracy") & (frame["level"] == "network")]
    return float(row["value"].iloc[0])


@pytest.mark.parametrize("spread", [1.0, 0.01, 1000.0])
def test_a_plain_network_passes_whatever_the_size_of_its_logits(spread: float, digits: Dataset) -> None:
    """The plain cross-entropy vanishes where logits are large, but not the worst case over all attacks."""
    records = attacked(trained(spread), digits)

    assert all("worst_case_accuracy" not in check.metrics for check in failed(records).values())
    assert robust_accuracy(records) == pytest.approx(robust_accuracy(attacked(trained(), digits)), abs=0.02)


@pytest.mark.parametrize(
    ("how", "check"),
    [
        ("zero", "gradients lead towards mistakes"),
        ("random", "gradients lead towards mistakes"),
        ("rounded", "gradients lead towards mistakes"),
        ("random", "no attack without gradients is stronger"),
    ],
)
def test_hidden_gradients_void_the_worst_case(how: str, check: str, digits: Dataset) -> None:
    truth = robust_accuracy(attacked(trained(), digits))

    torch.manual_seed(0)
    records = attacked(Hidden(how), digits)

    assert robust_accuracy(records) > truth + 0.1  # what stood in the report before
    found = failed(records)[check]
    assert {"worst_case_accuracy", "white_box_accuracy", "transfer_success"} <= set(found.metrics)
    assert found.member == "at"


def test_a_network_trained_against_attacks_passes(digits: Dataset) -> None:
    network, data = trained(), load_dataset("digits").training
    pixels, optimiser = data.pixels(0, len(data)), torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(60):
        moved = pixels.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(network(moved), data.labels), moved)
        optimiser.zero_grad()
        moved = (pixels + 0.1 * gradient.sign()).clamp(0, 1)
        nn.functional.cross_entropy(network(moved), data.labels).backward()
        optimiser.step()

    records = attacked(network, digits)

    assert robust_accuracy(records) > robust_accuracy(attacked(trained(), digits)) + 0.2
    assert failed(records) == {}


@pytest.mark.parametrize("images", [1, 10])
def test_a_few_images_raise_no_alarm(images: int, digits: Dataset) -> None:
    few = replace(digits, test=digits.test.subset(torch.arange(images)))

    assert failed(attacked(trained(), few)) == {}


def test_the_attack_without_gradients_runs_on_a_sample_and_counts_for_it_alone(digits: Dataset) -> None:
    options = replace(OPTIONS, white_box=("square",), square_images=10)
    pool = ModelPool(students={"at": PixelModel(Hidden("zero"), architecture="net")})

    records = Transferability(options).measure(pool, digits, PredictionCache(digits))

    sample, own = records.arrays["sample"], records.arrays["own"][0, 0]
    assert np.flatnonzero(sample).tolist() == [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]
    assert (own[~sample] < 0).all()
    assert records.notes[0].startswith("Square-100 was run on at most 10 of the images")
