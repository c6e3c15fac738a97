"""`symmetric_cross_entropy`: beside the cross-entropy, the reverse one, in which prediction and label change places.

    L = ce_weight · CE(z, y) + reverse_weight · RCE(z, y)
    RCE = −Σ_k p_k · log q_k = −log_zero · (1 − p_y)

averaged over images, for the label as the distribution q, whose log 0 is `log_zero`. RCE is bounded, so wrong labels
mislead it less; CE makes the training converge. No teacher. Layer: output. Wang et al., *Symmetric Cross Entropy for
Robust Learning with Noisy Labels* (arXiv 1908.06112); weights of the published code for CIFAR-10, which for CIFAR-100
are ce_weight = 6 and reverse_weight = 0.1.

Deviations: the published code has log 1e-4 = −9.21 for log 0 (`log_zero: -9.21`), and bounds p from below by 1e-7.
"""

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel


@in_full_precision
def reverse_cross_entropy(logits: Tensor, labels: Tensor, log_zero: float) -> Tensor:
    """−Σ p_k · log q_k, averaged over the batch, for the label as the distribution q, with a number in place of log 0.

    Args:
        logits: (B, K).
        labels: int64 (B,), 0 to K − 1.
        log_zero: A < 0, in place of log 0.

    Returns:
        A scalar, 0 to −log_zero.

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.reverse_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), -4.0).item()  # half of it on class 1
    2.0
    """
    errors = F.cross_entropy(logits, labels, reduction="none")
    return log_zero * torch.expm1(-errors).mean()


@METHODS.register("symmetric_cross_entropy")
class SymmetricCrossEntropy(Method):
    """Train on labels of which some are wrong, by cross-entropy in both directions, without a teacher.

    Args:
        student: The network to train.
        teacher: Not used.
        ce_weight: α, the weight of the cross-entropy.
        reverse_weight: β, the weight of the reverse cross-entropy.
        log_zero: A, the number in place of log 0.
    """

    cites = "Wang et al. 2019"
    matches = "labels"
    cost = 1.0
    needs_teacher = False
    reads_labels = True

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        ce_weight: NonNegative = 0.1,
        reverse_weight: NonNegative = 1.0,
        log_zero: Annotated[float, Field(lt=0)] = -4.0,
    ) -> None:
        super().__init__(student, teacher)
        self.ce_weight = ce_weight
        self.reverse_weight = reverse_weight
        self.log_zero = log_zero

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits = self.student(batch.pixels)
        losses = {
            "cross_entropy": self.ce_weight * self.cross_entropy(logits, batch),
            "reverse": self.reverse_weight * reverse_cross_entropy(logits, batch.labels, self.log_zero),
        }
        return Supervision(logits, losses)
