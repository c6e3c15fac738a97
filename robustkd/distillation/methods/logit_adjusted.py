"""`logit_adjusted`: learn rare classes by a margin that grows with the rarity of the label.

    L = CE(z + adjustment · log π, y),    π_k = the share of class k among the training images

The logits are adjusted in the loss only. What the student then learns as z are the logits without the prior, whose
largest minimises the mean of the classes' error rates (Fisher consistent for adjustment 1). No teacher. Layer: output.
Menon et al., *Long-tail Learning via Logit Adjustment* (arXiv 2007.07314), the logit adjusted loss, with its adjustment
of 1.

Deviations: a class without training images counts as one with a single image.
"""

import torch
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.class_counts import class_counts
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel


@in_full_precision
def adjusted_logits(logits: Tensor, counts: Tensor, adjustment: float) -> Tensor:
    """Logits plus adjustment · log of the share of each class, for the cross-entropy.

    Args:
        logits: (B, K).
        counts: (K,), the number of training images of each class; none counts as one.
        adjustment: τ.

    Returns:
        (B, K).

    >>> import torch
    >>> import robustkd as rk
    >>> adjusted = rk.losses.adjusted_logits(torch.zeros(1, 2), torch.tensor([3, 1]), 1.0)
    >>> adjusted.softmax(1).round(decimals=4).tolist()
    [[0.75, 0.25]]
    """
    shown = counts.to(logits.dtype).clamp(min=1)
    return logits + adjustment * (shown / shown.sum()).log()


@METHODS.register("logit_adjusted")
class LogitAdjusted(Method):
    """Train on the labels of imbalanced classes, with logits adjusted by the classes' shares, without a teacher.

    Args:
        student: The network to train.
        teacher: Not used.
        adjustment: τ, by which the logarithms of the shares are multiplied.
    """

    cites = "Menon et al. 2021"
    matches = "labels"
    cost = 1.0
    needs_teacher = False
    reads_labels = True
    counts: Tensor

    def __init__(
        self, student: PixelModel, teacher: PixelModel | None = None, *, adjustment: NonNegative = 1.0
    ) -> None:
        super().__init__(student, teacher)
        self.adjustment = adjustment

    def prepare(self, labels: Tensor) -> None:
        """Count the images of each class.

        Args:
            labels: int64 (N,).
        """
        counts = class_counts(labels, self.student.num_classes).to(torch.float32)
        self.register_buffer("counts", counts, persistent=False)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        if not hasattr(self, "counts"):
            raise ValueError("logit_adjusted must know how many images each class has: call prepare first")
        logits = self.student(batch.pixels)
        adjusted = adjusted_logits(logits, self.counts, self.adjustment)
        return Supervision(logits, {"cross_entropy": self.cross_entropy(adjusted, batch)})
