"""`takd`: learn from a teacher assistant, a network of medium size that has learned from the teacher.

    L = (1 − kd_weight) · CE(z, y) + kd_weight · T² · KL(p_t^T ‖ p^T),    p^T = softmax(z / T)

The loss of `hinton`, twice: a first stage trains the assistant, whose teacher is the teacher; in the second, the
assistant is the teacher of the student. Both have the whole recipe. Layer: output. Mirzadeh et al., *Improved Knowledge
Distillation via Teacher Assistant* (arXiv 1902.03393); T and weight as in Ruffy and Chahal (arXiv 1912.10850).

In a study, the key `assistants` of a teacher trains assistants once for all students, in chains of any length, and with
any method.
"""

from typing import Annotated

from pydantic import Field
from torch import nn

from robustkd.data import Batch
from robustkd.distillation.initial_weights import drawn_from
from robustkd.distillation.method import METHODS, Method, Stage, Supervision
from robustkd.distillation.recipe import Recipe
from robustkd.models import PixelModel

ASSISTANT = "assistant"


@METHODS.register("takd")
class TeacherAssistant(Method):
    """Match the softened predictions of an assistant that has matched those of the teacher.

    Args:
        student: The network to train.
        teacher: The network that the assistant learns from.
        assistant: The architecture of the assistant.
        kd_weight: The weight of the distillation term in both stages, 0 to 1; the labels have the rest.
        temperature: T, the temperature of both softened predictions.
        standardise_logits: Whether both networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993).

    Raises:
        ModelError: The architecture is unknown.
    """

    cites = "Mirzadeh et al. 2020"
    matches = "response"
    cost = 3.9

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        assistant: str = "cifar_resnet20",
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.5,
        temperature: Annotated[float, Field(gt=0)] = 5.0,
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.assistant = assistant
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.standardise_logits = standardise_logits
        self.between = drawn_from(student, assistant)

    def stages(self, recipe: Recipe) -> tuple[Stage, ...]:
        """Put the training of the assistant before that of the student."""
        return (Stage(ASSISTANT, recipe), Stage("training", recipe))

    def trained(self, stage: str) -> list[nn.Parameter]:
        """Return those of the assistant, and then those of the student."""
        return list((self.between if stage == ASSISTANT else self.student).parameters())

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the assistant, or the student, on one batch."""
        learning, teaching = (self.between, self.teacher) if self.stage == ASSISTANT else (self.student, self.between)
        logits, target = self._of_both(lambda: learning(batch.pixels), lambda: teaching(batch.pixels), batch)
        losses = self.labels_and_teacher(
            logits,
            target.detach(),
            batch,
            kd_weight=self.kd_weight,
            temperature=self.temperature,
            standardise_logits=self.standardise_logits,
        )
        return Supervision(logits, losses)
