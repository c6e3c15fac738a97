"""`ttm`: transformed teacher matching: only the teacher's prediction is softened, not the student's.

    L = CE(z_s, y) + kd_weight · mean_i w_i · KL(p_t^T ‖ p_s),    p_t^T[k] = p_t[k]^(1/T) / Σ_j p_t[j]^(1/T)

    w_i = 1                         original
    w_i = Σ_k p_t[k]^(1/T)          weighted

The power transform of the teacher's probabilities with exponent γ = 1/T is what a temperature T does to its logits; the
student's p_s is at T = 1, so that its cross-entropy and its distillation are about the same prediction. There is no T²,
in the paper as here: the size of the gradient does not fall with T. Layer: output. Zheng and Yang, *Knowledge
Distillation Based on Transformed Teacher Matching* (arXiv 2402.11148), sections 3 and 4.

Variants: `original` is TTM, `weighted` is WTTM, whose weight grows, at T > 1, from 1 for an image of which the teacher
    is certain to K^(1 − 1/T) for one of which it knows nothing. Weights of the two variants do not carry over.

There is no `standardise_logits`, as `hinton` has it: the prediction that is matched would not be the one that the
labels teach, which is the point of the method; with ten classes, it could never exceed 0.72.

The paper searched T and the weight for each pair of networks. The defaults are of the examples in its published code
for CIFAR-100: T = 10 and a weight of 45 for TTM, and a weight of 4 for WTTM, there with T = 5 and beside another loss.
"""

from typing import Annotated, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

Variant = Literal["original", "weighted"]
WEIGHTS: dict[Variant, float] = {"original": 45.0, "weighted": 4.0}


@in_full_precision
def transformed_teacher_loss(
    student_logits: Tensor, teacher_logits: Tensor, temperature: float, *, variant: Variant = "original"
) -> Tensor:
    """KL(teacher at a temperature ‖ student at temperature 1), averaged over images.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        temperature: T > 0, of the teacher alone.
        variant: ``weighted`` multiplies the divergence of an image by the sum of the teacher's transformed
            probabilities.

    Returns:
        A scalar ≥ 0, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> teacher = torch.tensor([[4.0, 0.0]])
    >>> round(rk.losses.transformed_teacher_loss(teacher / 4, teacher, 4.0).item(), 4)
    0.0
    """
    power = F.log_softmax(teacher_logits, dim=1) / temperature
    divergence = F.kl_div(
        F.log_softmax(student_logits, dim=1), F.log_softmax(power, dim=1), reduction="none", log_target=True
    ).sum(dim=1)
    if variant == "weighted":
        divergence = power.exp().sum(dim=1) * divergence
    return divergence.mean()


@METHODS.register("ttm")
class TransformedTeacherMatching(Method):
    """Match the teacher's softened prediction with the student's prediction at temperature 1.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        kd_weight: The weight of the distillation term; None for 45, and for 4 with the variant `weighted`.
        temperature: T, the temperature of the teacher's prediction; 1/T is the exponent γ of the paper.
        variant: `original` counts all images alike, `weighted` counts those more of which the teacher is less certain.
    """

    cites = "Zheng and Yang 2024"
    matches = "response"
    cost = 1.9

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: NonNegative | None = None,
        temperature: Annotated[float, Field(gt=0)] = 10.0,
        variant: Variant = "original",
    ) -> None:
        super().__init__(student, teacher)
        self.kd_weight = kd_weight
        self.temperature = temperature
        self.variant: Variant = variant

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits, teacher_logits = self.logits_of_both(batch)
        weight = WEIGHTS[self.variant] if self.kd_weight is None else self.kd_weight
        loss = transformed_teacher_loss(logits, teacher_logits, self.temperature, variant=self.variant)
        return Supervision(logits, {"cross_entropy": self.cross_entropy(logits, batch), "kd": weight * loss})
