"""Methods that initialise the student with the teacher's features, then train it as `hinton` does."""

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.method import Method, Stage, Supervision
from robustkd.distillation.recipe import Recipe
from robustkd.models import Outputs, PixelModel

INITIALISATION = "initialisation"


class TwoStage(Method):
    """A method with an initialisation stage before the training of `hinton`.

    The first stage is half as long as the second. Its learning rate is 0.001, multiplied by 0.1 after 60 % and 80 % of
    its epochs, whatever the recipe's schedule and warm-up; all other settings are those of the second stage. For 200
    epochs these are the 100 epochs and the milestones 60 and 80 of sarfraz2020, section III. Layers that the first
    stage does not train stay in evaluation mode, so their statistics do not change.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        kd_weight: The weight of the distillation term of the second stage, 0 to 1; that of the labels is 1 − kd_weight.
        temperature: T, the temperature of both softened predictions in the second stage.
        init_epochs: The number of epochs of the first stage; None for half of the second's, rounded down, at least one.
        standardise_logits: Whether both networks' logits are standardised before the second stage compares them (Sun et
            al. 2024, arXiv 2403.01993).
    """

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.9,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
        init_epochs: Annotated[int, Field(ge=1)] | None = None,
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.init_epochs = init_epochs
        self.standardise_logits = standardise_logits

    def stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        """Put the initialisation before the training."""
        epochs = self.init_epochs or max(1, recipe.epochs // 2)
        milestones = (round(0.6 * epochs), round(0.8 * epochs))
        first = replace(
            recipe,
            epochs=epochs,
            schedule="step",
            learning_rate=0.001,
            milestones=milestones,
            factor=0.1,
            warmup_epochs=0,
            last_learning_rate=0.0,
        )
        return (Stage(INITIALISATION, first), Stage("training", recipe))

    def trained(self, stage: str) -> list[nn.Parameter]:
        """Return those that the loss of the first stage depends on; in the second stage, those of the student."""
        if stage == INITIALISATION:
            return self.initialised()
        return [parameter for parameter in self.student.parameters() if parameter.requires_grad]

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch: by features in the first stage, as `hinton` does in the second."""
        if self.stage == INITIALISATION:
            student, teacher = self.outputs_of_both(batch)
            return Supervision(student.logits, self.initialisation_losses(student, teacher))
        logits, teacher_logits = self.logits_of_both(batch)
        losses = self.labels_and_teacher(
            logits,
            teacher_logits,
            batch,
            kd_weight=self.kd_weight,
            temperature=self.temperature,
            standardise_logits=self.standardise_logits,
        )
        return Supervision(logits, losses)

    @abstractmethod
    def initialised(self) -> list[nn.Parameter]:
        """Return the parameters that the first stage trains."""

    @abstractmethod
    def initialisation_losses(self, student: Outputs, teacher: Outputs) -> dict[str, Tensor]:
        """Return the named, weighted losses of the first stage."""
