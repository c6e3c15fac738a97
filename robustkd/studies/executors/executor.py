"""What does the trainings of a study: in this process, in several, or on many machines."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robustkd.studies.training import Trained, Training

Progressed = Callable[[str, int], None]
"""Told the id of a job and how many epochs are done."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a training ended.

    Attributes:
        id: Of the job.
        result: What it leaves, or the error that ended it.
    """

    id: str
    result: Trained | Exception


class Executor(ABC):
    """Does trainings; `close` it when nothing is to be done any more.

    Attributes:
        slots: How many trainings it does at once.
    """

    slots: int

    @abstractmethod
    def submit(self, training: Training, state: Path) -> None:
        """Begin a training, or go on with it.

        Args:
            training: What to do; never more than `slots` at once.
            state: The file in the store for the state of the training.
        """

    @abstractmethod
    def wait(self, timeout: float) -> list[Outcome]:
        """Wait until a training has ended, or until the time is up.

        Args:
            timeout: In seconds.

        Returns:
            What has ended.
        """

    @abstractmethod
    def stop(self) -> None:
        """Let the trainings under way finish their epoch, write down where they are, and end."""

    @abstractmethod
    def close(self) -> None:
        """End everything at once."""
