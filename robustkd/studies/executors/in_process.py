"""Trainings one after another in this process."""

from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from robustkd.data import Dataset
from robustkd.errors import RobustKDError
from robustkd.studies.executors.executor import Executor, Outcome, Progressed
from robustkd.studies.training import Training, perform


class InProcess(Executor):
    """Runs one training at a time, inside `wait`.

    Args:
        data: The data set of the study.
        device: The device to train on.
        progressed: Called after each epoch.
        should_stop: Called after each epoch; returns whether to stop.
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
        """See `Executor`; runs the whole training, however long it takes."""
        training, state = self._waiting.popleft()
        on_epoch = partial(self._progressed, training.id)
        try:
            trained = perform(training, self._data, self._device, state, on_epoch, self._should_stop)
        except RobustKDError as error:
            return [Outcome(training.id, error)]
        return [Outcome(training.id, trained)]

    def stop(self) -> None:
        """See `Executor`; the running training calls `should_stop` itself."""

    def close(self) -> None:
        """See `Executor`; nothing runs outside `wait`."""
