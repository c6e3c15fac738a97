"""`focal`: learn less from images that are already predicted well.

    L = −(1 − p_y)^focus · log p_y

averaged over images, for the probability p_y of the label; with focus = 0 it is the cross-entropy. No teacher. Layer:
output. Lin et al., *Focal Loss for Dense Object Detection* (arXiv 1708.02002), equation 4, with its focus of 2.

Deviations: the paper classifies by sigmoids, class against background; here p is the softmax over all classes, without
    a weight of each class (α). `class_balanced` has weights. The recipe's label smoothing is not applied.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel


@in_full_precision
def focal_loss(logits: Tensor, labels: Tensor, focus: float) -> Tensor:
    """−(1 − p)^focus · log p of the label, averaged over the batch.

    Args:
        logits: (B, K), K ≥ 2.
        labels: int64 (B,), 0 to K − 1.
        focus: γ ≥ 0.

    Returns:
        A scalar ≥ 0, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> round(rk.losses.focal_loss(torch.zeros(1, 2), torch.tensor([0]), 2.0).item(), 4)  # ln 2 / 4
    0.1733
    """
    others = logits.scatter(1, labels[:, None], -torch.inf)
    # of 1 − p itself, a power below 1 has no gradient where it is 0
    log_doubt = others.logsumexp(1) - logits.logsumexp(1)
    return ((focus * log_doubt).exp() * F.cross_entropy(logits, labels, reduction="none")).mean()


@METHODS.register("focal")
class Focal(Method):
    """Train on the labels, with a weight of each image that falls with the probability of its label, without a teacher.

    Args:
        student: The network to train.
        teacher: Not used.
        focus: γ, the power of the doubt 1 − p_y that weighs an image.
    """

    cites = "Lin et al. 2017"
    matches = "labels"
    cost = 1.0
    needs_teacher = False
    reads_labels = True

    def __init__(self, student: PixelModel, teacher: PixelModel | None = None, *, focus: NonNegative = 2.0) -> None:
        super().__init__(student, teacher)
        self.focus = focus

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits = self.student(batch.pixels)
        return Supervision(logits, {"focal": focal_loss(logits, batch.labels, self.focus)})
