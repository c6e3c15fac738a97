"""The interface of what runs the trainings of a study: this process, several processes, or many machines."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robustkd.studies.training import Trained, Training

Progressed = Callable[[str, int, int], None]
"""Called with the id of a training, the epochs done, and how many of these an earlier run did."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a training ended.

    Attributes:
        id: The id of its job.
        result: The output of the training, or the error that ended it.
    """

    id: str
    result: Trained | Exception


class Executor(ABC):
    """Runs trainings; to be closed when no more will be submitted.

    Attributes:
        slots: The number of trainings that run at the same time.
    """

    slots: int

    @abstractmethod
    def submit(self, training: Training, state: Path) -> None:
        """Start a training, or continue it.

        Args:
            training: The training; no more than `slots` may run at the same time.
            state: The file in the store that holds the state of the training.
        """

    @abstractmethod
    def wait(self, timeout: float) -> list[Outcome]:
        """Wait until a training has ended or the timeout has passed.

        Args:
            timeout: The longest time to wait, in seconds.

        Returns:
            The trainings that have ended.
        """

    @abstractmethod
    def stop(self) -> None:
        """Let the running trainings finish their epoch, write their state, and end."""

    @abstractmethod
    def close(self) -> None:
        """End everything at once."""
