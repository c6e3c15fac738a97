"""Pools with one planted fault: it is named, and the numbers of all others stay what they were."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from robustkd.data import load_dataset
from robustkd.errors import ModelError
from robustkd.evaluations import EVALUATIONS
from robustkd.models import ModelPool, PixelModel
from robustkd.results.predictions import PredictionCache
from robustkd.studies import evaluate
from robustkd.validity.admission import Admitted, admit

DIGITS = load_dataset("digits")
SAMPLE = replace(DIGITS, test=DIGITS.test.subset(DIGITS.test.sample_indices(120)))
QUICK = {"images": 12, "steps": 2, "white_box": ()}


def trained(seed: int) -> nn.Module:
    """A classifier of digits by their nearest mean, disturbed so that seeds differ; far better than guessing."""
    data = DIGITS.training
    pixels = data.pixels(0, len(data)).flatten(1)
    means = torch.stack([pixels[data.labels == label].mean(0) for label in range(10)])
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    noise = 0.05 * torch.randn(means.shape, generator=torch.Generator().manual_seed(seed))
    network[1].weight.data = 10 * (means + noise)
    network[1].bias.data = -5 * (means**2).sum(1)
    return network


class Faulty(nn.Module):
    def __init__(self, does: Callable[[nn.Module, Tensor], object], seed: int = 5) -> None:
        super().__init__()
        self.network, self.does = trained(seed), does

    def forward(self, x: Tensor) -> object:
        return self.does(self.network, x)


def without_gradient(network: nn.Module, x: Tensor) -> object:
    with torch.no_grad():
        return network(x)


def batch_normalised(network: nn.Module, x: Tensor) -> object:
    return network(x - x.mean(0, keepdim=True) + 0.3)


def half_nan(network: nn.Module, x: Tensor) -> Tensor:
    logits = network(x).clone()
    logits[x[:, 0, 2, 2] > 0.5] = float("nan")
    return logits


def of_negative_variance() -> nn.Module:
    network = nn.Sequential(trained(5), nn.BatchNorm1d(10)).eval()
    network[1].running_var[:] = -1.0
    return network


def permuted(network: nn.Module, x: Tensor) -> Tensor:
    return network(x)[:, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]]


FAULTS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "not finite": (lambda: Faulty(half_nan), "gives logits that are not finite for"),
    "negative variance": (of_negative_variance, "120 of 120 images: its 1.running_var has negative values"),
    "too many outputs": (lambda: Faulty(lambda n, x: torch.cat([n(x), n(x)], 1)), "gives 20 outputs"),
    "a tuple": (lambda: Faulty(lambda n, x: (n(x), x)), "gives a tuple of 2"),
    "in place": (lambda: Faulty(lambda n, x: n(x.sub_(0.1))), "changes its input in place"),
    "training mode": (lambda: Faulty(lambda n, x: n.train()(x)), "switches to training mode"),
    "double precision": (lambda: trained(5).double(), "computes in float64"),
    "no gradient": (lambda: Faulty(without_gradient), "has no gradient with respect to the image"),
    "batch statistics": (lambda: Faulty(batch_normalised), "gives an image other logits alone"),
    "random": (lambda: Faulty(lambda n, x: n(x + 0.1 * torch.rand(8, 8))), "gives other logits for the same images"),
    "permuted classes": (lambda: Faulty(permuted), "the labels look permuted"),
    "the teacher again": (lambda: trained(0), "gives the same logits as teacher"),
}


def pool_of(**students: nn.Module) -> ModelPool:
    def wrapped(network: nn.Module) -> PixelModel:
        return PixelModel(network, architecture="linear")

    return ModelPool(
        wrapped(trained(0)),
        baseline=wrapped(trained(1)),
        students={name: wrapped(network) for name, network in students.items()},
    )


NAMES = ["teacher", "baseline", "at"]


def admitted(pool: ModelPool) -> tuple[Admitted, PredictionCache]:
    predict = PredictionCache(SAMPLE)
    return admit(pool, SAMPLE, predict), predict


def told_of(found: Admitted) -> str:
    details = [f"{check.member} {check.detail}" for check in found.checks if not check.passed]
    listed = [f"{name} {why}" for name, why in {**found.refused, **found.no_gradient}.items()]
    return "\n".join([*details, *listed])


def numbers(found: Admitted, predict: PredictionCache) -> pd.DataFrame:
    """The numbers of the members that no test is about, and of each as a target of the others."""
    frames = []
    for name, options in {"calibration": {}, "transferability": QUICK}.items():
        evaluation = EVALUATIONS[name](EVALUATIONS[name].Options(**options))
        pool = found.with_gradients() if evaluation.requires.gradients else found.pool
        frames.append(evaluation.summarise(evaluation.measure(pool, SAMPLE, predict)))
    frame = pd.concat(frames)
    among = frame["member"].isin(NAMES) & (frame["source"].isna() | frame["source"].isin(NAMES))
    # means over the matrix have one more source, and the level of `masking` is corrected for their number
    frame = frame[among & ~frame["metric"].isin(["mean_on_target", "mean_from_source", "masking"])]
    columns = ["level", "member", "source", "metric", "part", "strength", "value", "ci_low", "ci_high"]
    return frame[columns].sort_values(columns[:6]).reset_index(drop=True)


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    found, predict = admitted(pool_of(at=trained(2)))
    assert told_of(found) == ""
    return numbers(found, predict)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_leaves_the_numbers_of_the_others_alone(fault: str, alone: pd.DataFrame) -> None:
    make, told = FAULTS[fault]

    found, predict = admitted(pool_of(at=trained(2), faulty=make()))

    assert f"faulty {told}" in told_of(found) or told in told_of(found)
    assert all(line.startswith("faulty ") for line in told_of(found).splitlines())
    pd.testing.assert_frame_equal(numbers(found, predict), alone)


@given(
    seeds=st.lists(st.integers(20, 60), min_size=1, max_size=4, unique=True),
    fault=st.sampled_from(sorted(FAULTS)),
    data=st.data(),
)
@settings(max_examples=15)
def test_one_fault_anywhere_in_any_pool_leaves_the_numbers_of_the_others_alone(
    seeds: list[int], fault: str, data: st.DataObject
) -> None:
    students = [(f"s{seed}", trained(seed)) for seed in seeds]
    place = data.draw(st.integers(0, len(students)))
    planted = [*students[:place], ("faulty", FAULTS[fault][0]()), *students[place:]]

    sound, faulty = admitted(pool_of(**dict(students))), admitted(pool_of(**dict(planted)))

    assert FAULTS[fault][1] in told_of(faulty[0])
    assert all(line.startswith("faulty ") for line in told_of(faulty[0]).splitlines())
    expected, found = (predicted_numbers(*each) for each in (sound, faulty))
    pd.testing.assert_frame_equal(found[found["member"] != "faulty"].reset_index(drop=True), expected)


def predicted_numbers(found: Admitted, predict: PredictionCache) -> pd.DataFrame:
    """All numbers that need predictions only, with their intervals."""
    frames = []
    for name in ("generalization", "fidelity", "calibration"):
        evaluation = EVALUATIONS[name]()
        frames.append(evaluation.summarise(evaluation.measure(found.pool, SAMPLE, predict)))
    columns = ["level", "member", "metric", "part", "value", "ci_low", "ci_high", "p_value"]
    return pd.concat(frames, ignore_index=True)[columns]


@given(faults=st.lists(st.sampled_from(sorted(FAULTS)), min_size=2, max_size=4, unique=True), seed=st.integers(2, 9))
def test_several_faults_in_a_pool_of_any_order_are_all_named(faults: list[str], seed: int) -> None:
    students = {f"s{index}": FAULTS[fault][0]() for index, fault in enumerate(faults)}

    found, _ = admitted(pool_of(**students, at=trained(20 + seed)))

    for name, fault in zip(students, faults, strict=True):
        lines = [line for line in told_of(found).splitlines() if line.startswith(name)]
        assert any(FAULTS[fault][1] in line for line in lines)
    assert not any(line.startswith(("at ", "teacher ", "baseline ")) for line in told_of(found).splitlines())


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("not finite", "network faulty: gives logits that are not finite for"),
        ("permuted classes", "the labels look permuted"),
    ],
)
def test_a_report_names_the_fault(fault: str, told: str, tmp_path: Path) -> None:
    pool = pool_of(at=trained(2), faulty=FAULTS[fault][0]())

    evaluate(pool, SAMPLE, options={"transferability": QUICK}, out=tmp_path, device="cpu")

    written = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert told in written
    assert "faulty" in written


def test_a_pool_without_any_network_that_can_be_measured_is_refused(tmp_path: Path) -> None:
    pool = ModelPool(baseline=PixelModel(trained(0).double()))

    with pytest.raises(ModelError, match="no network can be measured; network baseline: computes in float64"):
        evaluate(pool, SAMPLE, out=tmp_path / "run", device="cpu")
