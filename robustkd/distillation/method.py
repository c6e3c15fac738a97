"""The face of every distillation method.

A method is one file here: its module docstring gives formula, layers and paper; then the pure loss; then the class.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.models import PixelModel
from robustkd.registry import Registry


@dataclass(frozen=True)
class Supervision:
    """What a method makes of one batch.

    Attributes:
        logits: (B, K), of the student, for its training accuracy.
        losses: Named scalars, already weighted: their sum is what training minimises.
    """

    logits: Tensor
    losses: dict[str, Tensor]


class Method(nn.Module, ABC):
    """One way to supervise a student; owns all that is trained.

    A subclass takes its weights and temperatures as keyword arguments with defaults and type hints, which is how study
    files know them.

    Args:
        student: The network to train.
        teacher: The network to learn from; required where `needs_teacher`.

    Raises:
        ValueError: A method that needs a teacher was given none.
    """

    needs_teacher: ClassVar[bool] = True

    def __init__(self, student: PixelModel, teacher: PixelModel | None = None) -> None:
        super().__init__()
        if self.needs_teacher and teacher is None:
            raise ValueError(f"{type(self).__name__} needs a teacher")
        self.student = student
        # in a tuple the teacher is no submodule: never trained, switched to training mode, or saved with the student
        self._teacher: tuple[PixelModel, ...] = ()
        if teacher is not None:
            self._teacher = (teacher.eval().requires_grad_(False),)

    @property
    def teacher(self) -> PixelModel:
        """The frozen teacher, in evaluation mode."""
        return self._teacher[0]

    @property
    def has_teacher(self) -> bool:
        """Whether it was given one."""
        return bool(self._teacher)

    @abstractmethod
    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""

    def export(self) -> PixelModel:
        """Give the trained student, a plain network."""
        return self.student


METHODS: Registry[type[Method]] = Registry("method", "robustkd.distillation")
"""Distillation methods by name."""
