"""Steps replayed from CUDA graphs train what steps launched one by one train. Most tests here need a GPU."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Epoch, Method, Recipe, Supervision, train
from robustkd.distillation.graphs import Graphs
from robustkd.distillation.random_state import RandomState
from robustkd.distillation.trainer import train_in_turns
from robustkd.distillation.turns import drained
from robustkd.errors import StoppedError, TrainingError
from robustkd.models import PixelModel, create_model

RECIPE = Recipe(epochs=5, batch_size=32, learning_rate=0.02, milestones=(3,), factor=0.2)
gpu = pytest.mark.gpu
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def network(seed: int = 0) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


def method_of(name: str, teacher: PixelModel | None = None, **options: object) -> Method:
    kind = METHODS[name]
    return kind(network(), (teacher or network(seed=1)) if kind.needs_teacher else None, **options)


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.cpu().clone() for name, tensor in module.state_dict().items()}


def losses(history: list[Epoch]) -> list[dict[str, float]]:
    return [entry.losses for entry in history]


@pytest.fixture
def replays(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that gets an entry for each replay of a graph."""
    counted: list[int] = []
    replay = torch.cuda.CUDAGraph.replay

    def counting(self: torch.cuda.CUDAGraph) -> None:
        counted.append(1)
        replay(self)

    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", counting)
    return counted


def test_on_a_cpu_a_function_is_called_each_time() -> None:
    calls = []
    graphs = Graphs(torch.device("cpu"), RandomState(torch.device("cpu")), lambda reason: None)

    for _ in range(5):
        graphs.call("key", lambda: calls.append(1))

    assert len(calls) == 5


@gpu
@needs_cuda
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("name", METHODS.names())
def test_graphs_train_the_same_bits(name: str, optimiser: str, digits: Dataset, replays: list[int]) -> None:
    recipe = replace(RECIPE, optimiser=optimiser, learning_rate=0.02 if optimiser == "sgd" else 1e-3)
    eager, graphed = method_of(name), method_of(name)

    expected = train(eager, digits, replace(recipe, graph="off"), seed=0, device="cuda")
    assert not replays
    history = train(graphed, digits, recipe, seed=0, device="cuda")

    assert len(replays) >= 8
    assert losses(history) == losses(expected)
    assert [entry.test_accuracy for entry in history] == [entry.test_accuracy for entry in expected]
    found, wanted = weights(graphed), weights(eager)
    assert all(torch.equal(found[key], wanted[key]) for key in wanted)


@gpu
@needs_cuda
@pytest.mark.parametrize(("name", "options"), [("dml", {"variant": "original"}), ("bss", {}), ("one", {"branch": 2})])
def test_what_a_method_keeps_in_python_changes_as_without_graphs(
    name: str, options: dict[str, object], digits: Dataset, replays: list[int]
) -> None:
    recipe = replace(RECIPE, epochs=12)
    eager, graphed = method_of(name, **options), method_of(name, **options)

    expected = train(eager, digits, replace(recipe, graph="off"), seed=0, device="cuda")
    history = train(graphed, digits, recipe, seed=0, device="cuda")

    assert replays
    assert losses(history) == losses(expected)


@gpu
@needs_cuda
@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_graphs_train_the_same_in_every_precision(precision: str, digits: Dataset) -> None:
    recipe = replace(RECIPE, precision=precision)

    expected = train(method_of("hinton"), digits, replace(recipe, graph="off"), seed=0, device="cuda")
    history = train(method_of("hinton"), digits, recipe, seed=0, device="cuda")

    assert [entry.loss for entry in history] == pytest.approx([entry.loss for entry in expected], rel=1e-5)


class Dropping(Method):
    """Draws on the device at each step."""

    needs_teacher = False

    def forward(self, batch: Batch) -> Supervision:
        logits = nn.functional.dropout(self.student(batch.pixels), 0.5)
        return Supervision(logits, {"loss": self.cross_entropy(logits, batch)})


class Reading(Dropping):
    """Reads a number from the device at each step."""

    def forward(self, batch: Batch) -> Supervision:
        supervision = super().forward(batch)
        scale = 1.0 if supervision.logits.mean().item() > 0 else 2.0
        return Supervision(supervision.logits, {"loss": scale * supervision.losses["loss"]})


class DrawingOnCPU(Dropping):
    """Draws on the CPU at each step."""

    def forward(self, batch: Batch) -> Supervision:
        supervision = super().forward(batch)
        return Supervision(supervision.logits, {"loss": supervision.losses["loss"] * float(torch.rand(()))})


class Collecting(Dropping):
    """Grows a list at each step."""

    def __init__(self, student: PixelModel) -> None:
        super().__init__(student)
        self.seen: list[int] = []

    def forward(self, batch: Batch) -> Supervision:
        self.seen.append(len(batch.labels))
        supervision = super().forward(batch)
        return Supervision(supervision.logits, {"loss": supervision.losses["loss"] * len(self.seen)})


class Counting(Dropping):
    """Counts its steps."""

    steps = 0

    def forward(self, batch: Batch) -> Supervision:
        self.steps += 1
        supervision = super().forward(batch)
        return Supervision(supervision.logits, {"loss": supervision.losses["loss"] * self.steps})


class Ramping(Dropping):
    """Has another weight in each epoch, as a number."""

    weight = 0.0

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        super().begin_epoch(stage, epoch, epochs)
        self.weight = 1 + epoch // 4

    def forward(self, batch: Batch) -> Supervision:
        supervision = super().forward(batch)
        return Supervision(supervision.logits, {"loss": supervision.losses["loss"] * self.weight})


@gpu
@needs_cuda
@pytest.mark.parametrize("kind", [Dropping, Ramping])
def test_random_numbers_and_weights_of_epochs_are_those_without_graphs(
    kind: type[Method], digits: Dataset, replays: list[int]
) -> None:
    recipe = replace(RECIPE, epochs=8)

    expected = train(kind(network()), digits, replace(recipe, graph="off"), seed=0, device="cuda")
    history = train(kind(network()), digits, recipe, seed=0, device="cuda")

    assert len(replays) > 10
    assert losses(history) == losses(expected)


@gpu
@needs_cuda
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Reading, "a step reads numbers from the device"),
        (DrawingOnCPU, "a step (reads numbers from the device|draws random numbers on the CPU)"),
        (Collecting, "a step changes what its attribute seen holds"),
        (Counting, "too many different steps"),
    ],
)
def test_a_step_that_cannot_be_replayed_is_not_and_the_reason_is_told(
    kind: type[Method], reason: str, digits: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = replace(RECIPE, epochs=30)

    expected = train(kind(network()), digits, replace(recipe, graph="off"), seed=0, device="cuda")
    assert not capsys.readouterr().err
    history = train(kind(network()), digits, recipe, seed=0, device="cuda")

    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"{kind.__name__} trains without CUDA graphs, which makes it slower: ")
    assert re.search(reason, told)
    assert losses(history) == losses(expected)


@gpu
@needs_cuda
def test_a_capture_that_fails_leaves_the_training_as_it_was(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the watch off, the step that reads a number fails in the middle of its capture."""
    expected = train(Reading(network()), digits, replace(RECIPE, graph="off"), seed=0, device="cuda")
    monkeypatch.setattr(Graphs, "_watched", lambda self, function: function())

    history = train(Reading(network()), digits, RECIPE, seed=0, device="cuda")

    assert "without CUDA graphs" in capsys.readouterr().err
    assert losses(history) == losses(expected)


@gpu
@needs_cuda
def test_a_training_continues_from_its_state_as_if_it_had_not_been_stopped(digits: Dataset, tmp_path: Path) -> None:
    whole, parts = method_of("hinton"), method_of("hinton")
    expected = train(whole, digits, RECIPE, seed=0, device="cuda")
    state, told = tmp_path / "state", []

    with pytest.raises(StoppedError):
        train(
            parts, digits, RECIPE, seed=0, device="cuda", checkpoint=state, on_epoch=told.append,
            should_stop=lambda: len(told) == 2,
        )  # fmt: skip
    resumed = method_of("hinton")
    history = train(resumed, digits, RECIPE, seed=0, device="cuda", checkpoint=state)

    assert losses(history) == losses(expected)
    assert all(torch.equal(weights(resumed)[key], value) for key, value in weights(whole).items())


DEVICES = ["cpu", pytest.param("cuda", marks=[gpu, needs_cuda])]


@pytest.mark.parametrize("device", DEVICES)
def test_trainings_that_take_turns_train_the_bits_that_each_trains_alone(device: str, digits: Dataset) -> None:
    def made() -> list[Method]:
        teacher = network(seed=1)  # shared
        return [method_of("hinton", teacher), method_of("at", teacher), Dropping(network()), method_of("dml")]

    expected = []
    for seed, method in enumerate(made()):
        train(method, digits, RECIPE, seed=seed, device=device)
        expected.append(weights(method))
    together = made()
    waiting = [train_in_turns(method, digits, RECIPE, seed=seed, device=device) for seed, method in enumerate(together)]
    while waiting:
        for turns in list(waiting):
            if next(turns, None) is None:
                waiting.remove(turns)

    for method, alone in zip(together, expected, strict=True):
        assert all(torch.equal(weights(method)[key], value) for key, value in alone.items())


@pytest.mark.parametrize("device", DEVICES)
def test_a_training_that_fails_does_not_touch_the_one_beside_it(device: str, digits: Dataset) -> None:
    alone, beside = method_of("hinton"), method_of("hinton")
    train(alone, digits, RECIPE, seed=0, device=device)
    failing = train_in_turns(method_of("baseline"), digits, replace(RECIPE, learning_rate=1e30), seed=0, device=device)
    turns = train_in_turns(beside, digits, RECIPE, seed=0, device=device)

    def in_turn() -> None:
        while True:
            next(failing)
            next(turns)

    with pytest.raises(TrainingError, match="the loss cross_entropy is"):
        in_turn()
    drained(turns)

    assert all(torch.equal(weights(beside)[key], value) for key, value in weights(alone).items())


def test_between_turns_the_global_state_of_torch_is_the_callers(digits: Dataset) -> None:
    torch.manual_seed(5)
    np.random.seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    turns = train_in_turns(Dropping(network()), digits, RECIPE, seed=0)

    next(turns)

    assert torch.equal(torch.rand(3), expected)
    turns.close()
