"""`generalised_cross_entropy`: a loss between cross-entropy and mean absolute error, which wrong labels mislead less.

    L = (1 − p_y^exponent) / exponent

averaged over images, for the probability p_y of the label. Towards exponent 0 it is the cross-entropy; with 1 it is
1 − p_y, half the absolute error of the prediction, whose gradient does not grow with the doubt in a label. No teacher.
Layer: output. Zhang and Sabuncu, *Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels*
(arXiv 1805.07836), section 3.2, with its exponent of 0.7.

Deviations: the paper's truncated loss, which leaves images with a small p_y out for a while, is not implemented. The
    recipe's label smoothing is not applied.
"""

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.models import PixelModel


@in_full_precision
def generalised_cross_entropy(logits: Tensor, labels: Tensor, exponent: float) -> Tensor:
    """(1 − p^exponent) / exponent of the label, averaged over the batch.

    Args:
        logits: (B, K).
        labels: int64 (B,), 0 to K − 1.
        exponent: q, 0 < q ≤ 1.

    Returns:
        A scalar, 0 to 1 / exponent.

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.generalised_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), 1.0).item()
    0.5
    """
    errors = F.cross_entropy(logits, labels, reduction="none")
    return -torch.expm1(-exponent * errors).mean() / exponent


@METHODS.register("generalised_cross_entropy")
class GeneralisedCrossEntropy(Method):
    """Train on labels of which some are wrong, by a bounded loss, without a teacher.

    Args:
        student: The network to train.
        teacher: Not used.
        exponent: q: the smaller, the more like the cross-entropy; 1 is half the mean absolute error.
    """

    cites = "Zhang and Sabuncu 2018"
    matches = "labels"
    cost = 1.0
    needs_teacher = False
    reads_labels = True

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        exponent: Annotated[float, Field(gt=0, le=1)] = 0.7,
    ) -> None:
        super().__init__(student, teacher)
        self.exponent = exponent

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits = self.student(batch.pixels)
        loss = generalised_cross_entropy(logits, batch.labels, self.exponent)
        return Supervision(logits, {"generalised_cross_entropy": loss})
