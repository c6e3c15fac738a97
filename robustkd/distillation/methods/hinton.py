"""`hinton`: match the teacher's softened predictions.

    L = (1 − kd_weight) · CE(z_s, y) + kd_weight · T² · KL(p_t^T ‖ p_s^T),    p^T = softmax(z / T)

KL is summed over classes and averaged over the batch; T² keeps the size of its gradient independent of T. Layer:
output. Hinton, Vinyals, Dean, *Distilling the Knowledge in a Neural Network* (arXiv 1503.02531), section 2 and equation
4; weights of sarfraz2020, Table I.
"""

from typing import Annotated

from pydantic import Field

from robustkd.data import Batch
from robustkd.distillation.losses import labels_and_teacher
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.models import PixelModel


@METHODS.register("hinton")
class Hinton(Method):
    """Match the teacher's softened predictions.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        kd_weight: The weight of the distillation term, 0 to 1; the labels have the rest.
        temperature: T, the temperature of both softened predictions.
    """

    cites = "Hinton et al. 2015"
    matches = "response"

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.9,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
    ) -> None:
        super().__init__(student, teacher)
        self.kd_weight = kd_weight
        self.temperature = temperature

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits, teacher_logits = self.logits_of_both(batch)
        losses = labels_and_teacher(
            logits,
            teacher_logits,
            batch.labels,
            kd_weight=self.kd_weight,
            temperature=self.temperature,
            label_smoothing=self.label_smoothing,
        )
        return Supervision(logits, losses)
