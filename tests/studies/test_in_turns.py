"""Trainings that share this process: the executor, on trainings that are pretended."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from robustkd.distillation.turns import Turns
from robustkd.errors import StoppedError, TrainingError
from robustkd.studies.executors import InTurns, in_turns

HERE = Path("state")


def executor(
    monkeypatch: pytest.MonkeyPatch, scripts: dict[str, list[Any]], most: int, told: list[Any] | None = None
) -> InTurns:
    """An executor whose trainings do what their scripts say: count images, raise, or return the last entry."""

    def perform(
        training: Any, data: object, device: object, state: Path, on_epoch: Any, should_stop: Any
    ) -> Turns[Any]:
        *steps, result = scripts[training.id]
        while steps:
            step = steps.pop(0)
            scripts[training.id] = [*steps, result]
            if isinstance(step, Exception):
                raise step
            on_epoch(step, 0)
            yield step
        return result

    monkeypatch.setattr(in_turns, "perform_in_turns", perform)
    order = told if told is not None else []
    made = InTurns(
        None,  # type: ignore[arg-type]  # no training reads it
        torch.device("cpu"),
        lambda id_, done, earlier: order.append((id_, done)),
        lambda: False,
        most,
    )
    for id_ in scripts:
        made.submit(SimpleNamespace(id=id_), HERE)  # type: ignore[arg-type]  # all that is read of a training
    return made


def results(made: InTurns, count: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while len(found) < count:
        found |= {outcome.id: outcome.result for outcome in made.wait(5.0)}
    return found


def test_each_training_takes_a_step_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    made = executor(monkeypatch, {"a": [1, 2, "A"], "b": [1, 2, "B"], "c": [1, "C"]}, most=2, told=told)

    assert results(made, 3) == {"a": "A", "b": "B", "c": "C"}
    assert told == [("a", 1), ("b", 1), ("a", 2), ("b", 2), ("c", 1)]


def test_an_error_ends_one_training_only(monkeypatch: pytest.MonkeyPatch) -> None:
    error = TrainingError("broken")
    made = executor(monkeypatch, {"a": [1, error, "A"], "b": [1, 1, 1, "B"]}, most=2)

    assert results(made, 2) == {"a": error, "b": "B"}


def out_of_memory() -> TrainingError:
    error = TrainingError("out of memory")
    error.__cause__ = torch.OutOfMemoryError("CUDA out of memory")
    return error


def test_a_training_without_memory_beside_others_waits_and_goes_on_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    made = executor(monkeypatch, {"a": [1, 1, 1, "A"], "b": [7, out_of_memory(), 8, "B"]}, most=2, told=told)

    assert results(made, 2) == {"a": "A", "b": "B"}
    assert made.slots == 1
    assert told == [("a", 1), ("b", 7), ("a", 1), ("a", 1), ("b", 8)]


def test_a_training_without_memory_alone_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    error = out_of_memory()
    made = executor(monkeypatch, {"a": [1, error, "A"]}, most=2)

    assert results(made, 1) == {"a": error}


def test_waiting_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    made = executor(monkeypatch, {"a": [0] * 1_000_000 + ["A"]}, most=1)

    assert made.wait(0.05) == []
    made.close()


def test_a_stopped_training_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = StoppedError("stopped after 1 of 2 epochs")

    assert results(executor(monkeypatch, {"a": [1, stopped, "A"]}, most=1), 1) == {"a": stopped}
