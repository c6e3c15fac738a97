"""`class_balanced`: weigh images by the rarity of their class.

    L = w_y · CE(z, y),    w_k ∝ (1 − beta) / (1 − beta^n_k),    Σ_k w_k = K

averaged over images, for a class of n_k training images. (1 − beta^n) / (1 − beta) is the effective number of n images,
of which each new one overlaps with those before: it grows like n at first and never passes 1 / (1 − beta). No teacher.
Layer: output. Cui et al., *Class-Balanced Loss Based on Effective Number of Samples* (arXiv 1901.05555), with softmax
cross-entropy and its beta of 0.9999.

Variants: `inverse` weighs by 1 / n_k, to which `original` tends for beta towards 1.

Deviations: a class without training images has weight 0, and K counts the others. The mean over images is divided by
    their number as in the published code, not by their weights as in torch.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.class_counts import class_counts
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.models import PixelModel


@in_full_precision
def class_weighted_loss(logits: Tensor, labels: Tensor, weights: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy times the weight of the label, averaged over the batch.

    Args:
        logits: (B, K).
        labels: int64 (B,), 0 to K − 1.
        weights: (K,), the weight of each class.
        label_smoothing: See `cross_entropy`.

    Returns:
        A scalar ≥ 0 for weights ≥ 0, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> given = (torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([0.5, 1.5]))
    >>> round(rk.losses.class_weighted_loss(*given).item(), 4)  # the mean weight is 1: ln 2
    0.6931
    """
    errors = F.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction="none")
    return (weights[labels] * errors).mean()


def balanced_weights(counts: Tensor, beta: float | None) -> Tensor:
    """Weights of classes by their numbers of images, of mean 1 over the classes that have any.

    Args:
        counts: int64 (K,), the number of training images of each class.
        beta: β, 0 ≤ β < 1, of the effective number of images; weights by the number itself if None.

    Returns:
        float64 (K,), 0 for a class without images.

    >>> import torch
    >>> balanced_weights(torch.tensor([1, 3]), None).tolist()
    [1.5, 0.5]
    """
    numbers = counts.double()
    # (1 − β^n) / (1 − β) loses its digits for β near 1, and is 1 for β = 0
    if beta is not None:
        base = torch.tensor(beta, dtype=torch.float64, device=counts.device)
        numbers = -torch.expm1(numbers * base.log()) if beta > 0 else (numbers > 0).double()
    weights = torch.where(counts > 0, 1 / numbers, 0.0)
    return weights * (counts > 0).sum() / weights.sum()


@METHODS.register("class_balanced")
class ClassBalanced(Method):
    """Train on the labels of imbalanced classes, with weights by the effective number of images, without a teacher.

    Args:
        student: The network to train.
        teacher: Not used.
        beta: β: 0 weighs all classes alike, towards 1 weights are inverse to the number of images; not used by
            `inverse`.
        variant: `original` weighs by the effective number of images, `inverse` by their number.
    """

    cites = "Cui et al. 2019"
    matches = "labels"
    cost = 1.0
    needs_teacher = False
    reads_labels = True
    weights: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        beta: Annotated[float, Field(ge=0, lt=1)] = 0.9999,
        variant: Literal["original", "inverse"] = "original",
    ) -> None:
        super().__init__(student, teacher)
        self.beta = beta
        self.variant = variant

    def prepare(self, labels: Tensor) -> None:
        """Weigh the classes by their images.

        Args:
            labels: int64 (N,).
        """
        counts = class_counts(labels, self.student.num_classes)
        weights = balanced_weights(counts, self.beta if self.variant == "original" else None)
        self.register_buffer("weights", weights.to(torch.float32), persistent=False)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        if not hasattr(self, "weights"):
            raise ValueError("class_balanced must know how many images each class has: call prepare first")
        logits = self.student(batch.pixels)
        loss = class_weighted_loss(logits, batch.labels, self.weights, self.label_smoothing)
        return Supervision(logits, {"cross_entropy": loss})
