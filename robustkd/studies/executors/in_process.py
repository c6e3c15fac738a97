"""Trainings one after another, in this process."""

from collections import deque
from collections.abc import Callable
from pathlib import Path

import torch

from robustkd.data import Dataset
from robustkd.errors import RobustKDError
from robustkd.studies.executors.executor import Executor, Outcome, Progressed
from robustkd.studies.training import Training, perform


class InProcess(Executor):
    """Does one training at a time, while it is waited for.

    Args:
        data: The study's data set.
        device: Where to train.
        progressed: Told of each epoch.
        should_stop: Asked after each epoch.
    """

    slots = 1

    def __init__(
        self, data: Dataset, device: torch.device, progressed: Progressed, should_stop: Callable[[], bool]
    ) -> None:
        self._data = data
        self._device = device
        self._progressed = progressed
        self._waiting: deque[tuple[Training, Path]] = deque()
        self._should_stop = should_stop

    def submit(self, training: Training, state: Path) -> None:
        """See `Executor`."""
        self._waiting.append((training, state))

    def wait(self, timeout: float) -> list[Outcome]:
        """See `Executor`; the training is done here, however long it takes."""
        training, state = self._waiting.popleft()
        done = 0

        def on_epoch(epoch: object) -> None:
            nonlocal done
            done += 1
            self._progressed(training.id, done)

        try:
            trained = perform(training, self._data, self._device, state, on_epoch, self._should_stop)
        except RobustKDError as error:
            return [Outcome(training.id, error)]
        return [Outcome(training.id, trained)]

    def stop(self) -> None:
        """See `Executor`; the training under way has asked already."""

    def close(self) -> None:
        """See `Executor`; nothing goes on when nobody waits."""
