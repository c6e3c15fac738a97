"""`logit_matching`: match the teacher's logits.

    L = (1 − weight) · CE(z_s, y) + weight · ½ · ‖z_s − z_t‖²

The norm is summed over the classes and averaged over the batch. Layer: output. Ba & Caruana, *Do Deep Nets Really Need
to be Deep?* (NIPS 2014), equation 1, which has no term for the labels (weight 1).
"""

from typing import Annotated

from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS, Method, Supervision
from robustkd.models import PixelModel


def squared_distance(logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Return half the squared distance between logits, both (B, K), averaged over the batch."""
    return 0.5 * (logits - teacher_logits).square().sum(dim=1).mean()


@METHODS.register("logit_matching")
class LogitMatching(Method):
    """Cross-entropy with the labels and squared distance to the teacher's logits.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        weight: The weight of the distance, 0 to 1; the labels get the rest.
    """

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        weight: Annotated[float, Field(ge=0, le=1)] = 0.1,
    ) -> None:
        super().__init__(student, teacher)
        self.weight = weight

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits, teacher_logits = self.logits_of_both(batch)
        labels = (1 - self.weight) * self.cross_entropy(logits, batch)
        return Supervision(logits, {"labels": labels, "logits": self.weight * squared_distance(logits, teacher_logits)})
