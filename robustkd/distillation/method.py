"""The interface of distillation methods.

A method is one file in `methods`. Its docstring states the formula, the layers and the paper; the pure loss and the
class follow.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeVar

import torch
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.batch_norms import batch_norms
from robustkd.distillation.beside import beside
from robustkd.distillation.label_loss import label_loss
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.recipe import Recipe, Rule
from robustkd.distillation.response import as_compared
from robustkd.models import Outputs, PixelModel
from robustkd.registry import Registry

T = TypeVar("T")

Matches = Literal["labels", "response", "feature", "relation", "online", "data", "robust"]
"""What a student is to match: the labels alone; the teacher's outputs; its features; relations between its features;
outputs of networks that learn at the same time; the teacher's answers to other inputs; its answers under attack."""


@dataclass(frozen=True)
class Supervision:
    """The losses that a method computes for one batch.

    Attributes:
        logits: The student's logits, (B, K), from which the training accuracy is computed.
        losses: The weighted terms of the loss, scalars by name; training minimises their sum.
    """

    logits: Tensor
    losses: dict[str, Tensor]


@dataclass(frozen=True)
class Stage:
    """A part of a training, with its own recipe.

    Attributes:
        name: The name that the history and the progress bar show.
        recipe: The recipe of its optimisation.
    """

    name: str
    recipe: Recipe


class Method(nn.Module, ABC):
    """A way to train a student; holds all trained parameters.

    A subclass takes its weights and temperatures as keyword arguments with defaults and type hints, from which study
    files know them, and stores each as an attribute of the same name.

    Args:
        student: The network to train.
        teacher: The network to learn from; required where `needs_teacher`.

    Attributes:
        needs_teacher: Whether it cannot be trained without a teacher.
        reads_labels: Whether it reads labels beside `cross_entropy`, so that every image must have exactly one.
        takes_copies: Whether it can be trained on several copies of an image, as `Recipe.resampling` makes them.
        views: The policies of `DistillationData` by which it needs other views of the images; see `Batch.views`.
        cites: Its papers, by authors and year.
        matches: What the student is to match, see `Matches`.
        cost: The time of a training relative to that of `baseline`, with all its stages; None if nobody measured it.
            Those here are of a WRN-16-2 and a WRN-40-2 on two CPU cores (`experiments/benchmarks/method_costs.py`).
        version: A number that is increased whenever the same settings would train other weights.
        stage: The name of the current stage.
        chosen: The index of the candidate that `export` returns, counted from 0. It is fixed by the method until a rule
            chooses another.
        select: The rule that chose it; ``last`` keeps the candidate that the method fixed beforehand.
        candidate_accuracies: The accuracies of all candidates, 0 to 1, if the rule used them.
        label_smoothing: The label smoothing of the current stage; `cross_entropy` applies it.
        frozen_batch_norm: Whether batch normalisation of the student keeps its statistics; the trainer sets it.
        takes_temperatures: Whether it matches images at the temperature that they ask for, `Batch.temperature`.

    Raises:
        ValueError: A method that needs a teacher was given none.
    """

    needs_teacher: ClassVar[bool] = True
    reads_labels: bool = False
    takes_copies: bool = True
    views: tuple[str, ...] = ()
    cites: ClassVar[str] = ""
    matches: ClassVar[Matches] = "response"
    cost: ClassVar[float | None] = None
    version: ClassVar[int] = 1
    stage: str = "training"
    chosen: int = 0
    select: Rule = "last"
    candidate_accuracies: tuple[float, ...] = ()
    label_smoothing: float = 0.0
    frozen_batch_norm: bool = False
    takes_temperatures: bool = False

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
        """Whether it has a teacher."""
        return bool(self._teacher)

    @property
    def name(self) -> str:
        """The name in `METHODS`; the class name if it is not registered."""
        kind = type(self)
        return next((name for name in METHODS.names() if METHODS[name] is kind), kind.__name__)

    def stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        """Split the training into stages, each with its own optimiser; one stage by default.

        Args:
            recipe: The recipe of the whole training.

        Returns:
            The stages in order; the last is called ``training``.
        """
        return (Stage("training", recipe),)

    def trained(self, stage: str) -> list[nn.Parameter]:
        """Return the parameters that a stage optimises; by default, all that require gradients."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; modules whose parameters are all frozen stay in evaluation mode.

        The statistics of layers that a stage does not train therefore do not adapt to features that will still change.

        Args:
            mode: True for training mode, False for evaluation mode.

        Returns:
            Itself.
        """
        super().train(mode)
        for module in self.modules():
            parameters = list(module.parameters())
            if parameters and not any(parameter.requires_grad for parameter in parameters):
                module.eval()
        if self.frozen_batch_norm:
            for module in batch_norms(self.student):
                module.eval()
        return self

    def prepare(self, labels: Tensor) -> None:
        """Prepare for a training set; called once before the first stage, and before a saved state is restored.

        What depends on the training set and is part of the state of the training becomes a buffer here.

        Args:
            labels: int64 (N,), the labels that are trained on, on the CPU; `Batch.indices` are places in them.
        """

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Prepare for an epoch.

        Args:
            stage: The name of the current stage.
            epoch: The number of the epoch within the stage, counted from 0.
            epochs: The number of epochs of the stage.
        """
        self.stage = stage

    def logits_of_both(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the student's logits and the teacher's, (B, K) each, the teacher's without gradient."""
        return self._of_both(lambda: self.student(batch.pixels), lambda: self.teacher(batch.pixels), batch)

    def outputs_of_both(self, batch: Batch) -> tuple[Outputs, Outputs]:
        """Return the student's outputs and the teacher's, the teacher's without gradient."""
        return self._of_both(
            lambda: self.student.outputs(batch.pixels), lambda: self.teacher.outputs(batch.pixels), batch
        )

    def _of_both(self, student: Callable[[], T], teacher: Callable[[], T], batch: Batch) -> tuple[T, T]:
        return beside(student, torch.no_grad()(teacher), batch.pixels.device)

    def cross_entropy(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the cross-entropy with the labels of a batch, smoothed as the recipe says; see `label_loss`."""
        return label_loss(logits, batch, self.label_smoothing)

    def labels_and_teacher(
        self,
        logits: Tensor,
        teacher_logits: Tensor,
        batch: Batch,
        *,
        kd_weight: float,
        temperature: float,
        standardise_logits: bool = False,
    ) -> dict[str, Tensor]:
        """Return (1 − kd_weight) · CE(z_s, y) and kd_weight · T² · KL(p_t^T ‖ p_s^T) by name.

        Hinton, Vinyals, Dean, *Distilling the Knowledge in a Neural Network* (arXiv 1503.02531), section 2.

        Args:
            logits: The student's logits, (B, K).
            teacher_logits: (B, K).
            batch: The batch that they are of.
            kd_weight: The weight of the second term, 0 to 1; that of the first is 1 − kd_weight.
            temperature: T > 0.
            standardise_logits: Whether both networks' logits are standardised before they are compared.

        Returns:
            The scalars ``cross_entropy`` and ``kd``, already weighted.
        """
        student, teacher = as_compared(logits, teacher_logits, standardise=standardise_logits)
        return {
            "cross_entropy": (1 - kd_weight) * self.cross_entropy(logits, batch),
            "kd": kd_weight * kd_loss(student, teacher, temperature),
        }

    @abstractmethod
    def forward(self, batch: Batch) -> Supervision:
        """Compute the losses of the current stage for one batch."""

    def candidates(self) -> tuple[PixelModel, ...]:
        """Return the networks that may be exported, all of one architecture; by default, only the student.

        A method that trains several networks returns all of them, in an order that does not depend on their weights.
        """
        return (self.student,)

    def choose(self, index: int, *, rule: Rule, accuracies: tuple[float, ...] = ()) -> None:
        """Set the candidate that `export` returns.

        Args:
            index: The index of the candidate, counted from 0.
            rule: The rule that chose it.
            accuracies: The accuracies of all candidates, if the rule used them.
        """
        self.chosen, self.select, self.candidate_accuracies = index, rule, accuracies

    def export(self) -> PixelModel:
        """Return the trained network: the chosen candidate."""
        return self.candidates()[self.chosen]


METHODS: Registry[type[Method]] = Registry("method", "robustkd.distillation.methods", Method)
"""Distillation methods by name."""
