"""`takd`: learn from a teacher assistant, a network of medium size that has learned from the teacher.

    L = (1 − kd_weight) · CE(z, y) + kd_weight · T² · KL(p_t^T ‖ p^T),    p^T = softmax(z / T)

The loss of `hinton`, twice: a first stage trains the assistant, whose teacher is the teacher; in the second, the
assistant is the teacher of the student. Both have the whole recipe. Layer: output. Mirzadeh et al., *Improved Knowledge
Distillation via Teacher Assistant* (arXiv 1902.03393); T and weight as in Ruffy and Chahal (arXiv 1912.10850).

Variants: `original` is the paper. `kd_lib` has, in place of T² · KL, T² · mean of (log p^T − log p_t^T)² over images
    and classes, as the `TAKD` of the toolkit SforAiDl/KD_Lib has by default, with T = 20 and a weight of 0.4: classes
    that the teacher all but rules out weigh as much as the others. It is there to reproduce its numbers, not to be
    used.

In a study, the key `assistants` of a teacher trains assistants once for all students, in chains of any length, and with
any method.
"""

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from robustkd.data import Batch
from robustkd.distillation.initial_weights import drawn_from
from robustkd.distillation.method import METHODS, Method, Stage, Supervision
from robustkd.distillation.recipe import Recipe
from robustkd.distillation.response import as_compared, log_probability_loss
from robustkd.models import PixelModel

Variant = Literal["original", "kd_lib"]
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
        variant: `original` follows the paper, `kd_lib` the toolkit, which departs from it.
        standardise_logits: Whether both networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993).

    Raises:
        ModelError: The architecture is unknown.
    """

    cites = "Mirzadeh et al. 2020"
    matches = "response"
    cost = 2.9

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        assistant: str = "cifar_resnet20",
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.5,
        temperature: Annotated[float, Field(gt=0)] = 5.0,
        variant: Variant = "original",
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.assistant = assistant
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.variant: Variant = variant
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
        target = target.detach()
        losses = self.labels_and_teacher(
            logits,
            target,
            batch,
            kd_weight=self.kd_weight,
            temperature=self.temperature,
            standardise_logits=self.standardise_logits,
        )
        if self.variant == "kd_lib":
            learned, taught = as_compared(logits, target, standardise=self.standardise_logits)
            distance = log_probability_loss(learned, taught, self.temperature)
            losses["kd"] = self.kd_weight * self.temperature**2 * distance
        return Supervision(logits, losses)
