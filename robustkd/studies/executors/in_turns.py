"""Trainings in this process, one step of each in turn, so that several fill one GPU."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from robustkd.data import Dataset
from robustkd.distillation.turns import WAIT_SECONDS, Turns
from robustkd.errors import RobustKDError
from robustkd.studies.executors.executor import Executor, Outcome, Progressed
from robustkd.studies.executors.sharing import Sharing
from robustkd.studies.training import Trained, Training, perform_in_turns


@dataclass(eq=False)
class _Running:
    training: Training
    state: Path
    turns: Turns[Trained]


class InTurns(Executor):
    """Runs trainings inside `wait`: they share the images, the teacher and the device, and nothing else.

    A training that runs out of memory beside others waits until there is room, and continues from its last state.

    Args:
        data: The data set of the study.
        device: The device to train on.
        progressed: Called after each epoch.
        should_stop: Called after each epoch; returns whether to stop.
        most: The number of trainings at the same time; None for as many as fit the memory of a GPU and still raise its
            throughput.
    """

    def __init__(
        self,
        data: Dataset,
        device: torch.device,
        progressed: Progressed,
        should_stop: Callable[[], bool],
        most: int | None = 1,
    ) -> None:
        self._data = data
        self._device = device
        self._progressed = progressed
        self._should_stop = should_stop
        self._sharing = Sharing(device, most)
        self._waiting: deque[tuple[Training, Path]] = deque()
        self._running: list[_Running] = []

    @property
    def slots(self) -> int:  # type: ignore[override]  # it grows while the throughput does
        """The number of trainings at the same time."""
        return self._sharing.slots

    def submit(self, training: Training, state: Path) -> None:
        """See `Executor`."""
        self._waiting.append((training, state))

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor`; the trainings run meanwhile."""
        end = time.monotonic() + timeout
        while (self._waiting or self._running) and time.monotonic() < end:
            while self._waiting and len(self._running) < self.slots:
                self._begin(*self._waiting.popleft())
            if outcomes := self._round():
                return outcomes
        return []

    def stop(self) -> None:
        """See `Executor`; the running trainings call `should_stop` themselves."""

    def close(self) -> None:
        """See `Executor`."""
        for running in self._running:
            running.turns.close()
        self._running.clear()

    def _begin(self, training: Training, state: Path) -> None:
        on_epoch = partial(self._progressed, training.id)
        turns = perform_in_turns(training, self._data, self._device, state, on_epoch, self._should_stop)
        self._running.append(_Running(training, state, turns))

    def _round(self) -> list[Outcome]:
        outcomes, images = [], 0
        for running in list(self._running):
            try:
                step = next(running.turns)
            except StopIteration as end:
                outcomes.append(self._end(running, end.value))
            except RobustKDError as error:
                if self._makes_room(running, error):
                    continue
                outcomes.append(self._end(running, error))
            else:
                self._sharing.count(running.training.id, step)
                images += step
        self._sharing.decide([running.training.id for running in self._running])
        if not images and not outcomes:
            time.sleep(WAIT_SECONDS)
        return outcomes

    def _end(self, running: _Running, result: Trained | RobustKDError) -> Outcome:
        self._running.remove(running)
        return Outcome(running.training.id, result)

    def _makes_room(self, running: _Running, error: RobustKDError) -> bool:
        """Let a training wait that ran out of memory beside others; return whether it does."""
        if not isinstance(error.__cause__, torch.OutOfMemoryError) or len(self._running) == 1:
            return False
        self._running.remove(running)
        self._sharing.limit(len(self._running))
        self._waiting.appendleft((running.training, running.state))
        torch.cuda.empty_cache()
        return True
