"""`pkt`: match the probabilities with which the teacher's features choose one image as the neighbour of another.

    L = CE(z_s, y) + pkt_weight / b² · Σ_i Σ_j p_j|i · log((p_j|i + ε) / (q_j|i + ε))           tian2020
    L = CE(z_s, y) + pkt_weight · Σ_i Σ_{j ≠ i} p_j|i · log(p_j|i / q_j|i)                      original

    p_j|i = K_ij / Σ_k K_ik,    K_ij = ½ (1 + cos(x_i, x_j))

p is the teacher's and q the student's probability, x the pooled features that the classifier sees, b the size of the
batch. Passalis and Tefas, *Learning Deep Representations with Probabilistic Knowledge Transfer* (arXiv 1803.10837),
section 3: the cosine kernel and the Kullback-Leibler divergence of the conditional probabilities.

Variants: `original` is the paper's sum over pairs of different images, in whose probabilities an image is not its own
    neighbour. `tian2020` follows the benchmark code of Tian et al. 2020 (arXiv 1910.10699), the default because only
    its weight beside a cross-entropy is published: it counts an image as its own neighbour, takes the mean over all b²
    pairs, and adds ε = 1e-7 inside the logarithm. A mean is smaller by b² than a sum, so weights do not carry over: at
    that code's batch of 64, its weight of 30,000 is 7.3 for each pair of a sum.

A batch of one image has no pairs, and costs nothing.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

Variant = Literal["tian2020", "original"]
EPSILON = 1e-7


@in_full_precision
def neighbour_loss(student: Tensor, teacher: Tensor, *, variant: Variant = "tian2020") -> Tensor:
    """Divergence of the student's neighbour probabilities from the teacher's.

    Args:
        student: (B, D).
        teacher: (B, D').
        variant: `tian2020`: mean over all pairs; `original`: sum over pairs of different images.

    Returns:
        A scalar ≥ 0, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> features = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> round(rk.losses.neighbour_loss(features, 2 * features).item(), 4)  # cosines do not depend on length
    0.0
    """
    if variant == "tian2020":
        wanted, found = (F.normalize(_kernel(each), p=1.0) for each in (teacher, student))
        return (wanted * ((wanted + EPSILON) / (found + EPSILON)).log()).mean()
    apart = 1 - torch.eye(len(student), dtype=student.dtype, device=student.device)
    # clamped for opposite features, whose kernel is 0
    wanted, found = (_kernel(each).clamp(min=EPSILON) * apart for each in (teacher, student))
    wanted, found = (each / each.sum(1, keepdim=True).clamp(min=EPSILON) for each in (wanted, found))
    # where i = j both are 0: 0 · log(1 / 1)
    return (wanted * ((wanted + 1 - apart) / (found + 1 - apart)).log()).sum()


def _kernel(features: Tensor) -> Tensor:
    unit = F.normalize(features)
    return (1 + unit @ unit.T) / 2


@METHODS.register("pkt")
class ProbabilisticKnowledgeTransfer(Method):
    """Match the teacher's probabilities that one image of a batch is the neighbour of another.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        pkt_weight: The weight of the divergence; it belongs to the variant.
        variant: `tian2020` follows the benchmark of Tian et al. 2020, `original` the original paper.
    """

    cites = "Passalis and Tefas 2018"
    matches = "relation"
    cost = 1.9

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        pkt_weight: NonNegative = 30000.0,
        variant: Variant = "tian2020",
    ) -> None:
        super().__init__(student, teacher)
        self.pkt_weight = pkt_weight
        self.variant: Variant = variant

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        student, teacher = self.outputs_of_both(batch)
        divergence = neighbour_loss(student.pooled.flatten(1), teacher.pooled.flatten(1), variant=self.variant)
        losses = {
            "cross_entropy": self.cross_entropy(student.logits, batch),
            "neighbours": self.pkt_weight * divergence,
        }
        return Supervision(student.logits, losses)
