"""`baseline`: the student on its own, trained on the labels alone.

    L = CE(z, y)

The independent network that every measurement of a student needs beside it.
"""

import torch.nn.functional as F
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision


@in_full_precision
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """CE: the mean over the batch of −log p of the label.

    Args:
        logits: (B, K).
        labels: int64 (B,), 0 to K − 1.

    Returns:
        A scalar ≥ 0, in nats.
    """
    return F.cross_entropy(logits, labels)


@METHODS.register("baseline")
class Baseline(Method):
    """Cross-entropy with the labels; a teacher is neither needed nor used."""

    needs_teacher = False

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits = self.student(batch.pixels)
        return Supervision(logits, {"cross_entropy": cross_entropy(logits, batch.labels)})
