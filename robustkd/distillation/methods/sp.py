"""`sp`: preserve the similarities between images.

    L = CE(z_s, y) + sp_weight / b² · ‖G_s − G_t‖²_F

    G = rows of Q·Qᵀ, each scaled to unit L2 norm,    Q = block 3 flattened to (b, C·H·W)

b is the size of the batch, also for the last, partial batch. Layer: block 3. Tung and Mori, *Similarity-Preserving
Knowledge Distillation* (arXiv 1907.09682), equations 1 to 4; weight of sarfraz2020, Table I.

Variants: `original` is the paper. `torchdistill` scales rows to unit L1 norm, as the library of that name does (the
    `SPKDLoss` of yoshitomo-matsubara/torchdistill passes 1 as the order of the norm, not as the axis), which makes the
    term smaller by a factor of the order of b. It is there to reproduce its numbers, not to be used.
"""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.blocks import paper_block
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

Variant = Literal["original", "torchdistill"]


@in_full_precision
def similarity_loss(student: Tensor, teacher: Tensor, *, variant: Variant = "original") -> Tensor:
    """Mean squared difference of the row-normalised similarity matrices.

    Args:
        student: (B, …), any shape after the batch.
        teacher: (B, …), any shape after the batch.
        variant: ``original`` scales rows to unit L2 norm, ``torchdistill`` to unit L1 norm.

    Returns:
        A scalar, 0 to 4 / B.

    >>> import torch
    >>> import robustkd as rk
    >>> features = torch.eye(2)
    >>> round(rk.losses.similarity_loss(features, 2 * features).item(), 4)  # rows are scaled to unit norm
    0.0
    """
    order = 1 if variant == "torchdistill" else 2
    return F.mse_loss(_similarities(student, order), _similarities(teacher, order))


def _similarities(features: Tensor, order: int) -> Tensor:
    flat = features.flatten(1)
    return F.normalize(flat @ flat.T, p=order, dim=1)


@METHODS.register("sp")
class SimilarityPreserving(Method):
    """Match the teacher's similarities between the images of a batch.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        sp_weight: γ, the weight of the similarity term.
        variant: `original` follows the paper, `torchdistill` the library, which departs from it.
    """

    cites = "Tung and Mori 2019"
    matches = "relation"
    cost = 1.9

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        sp_weight: NonNegative = 3000.0,
        variant: Variant = "original",
    ) -> None:
        super().__init__(student, teacher)
        self.sp_weight = sp_weight
        self.variant: Variant = variant

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        student, teacher = self.outputs_of_both(batch)
        similarity = similarity_loss(
            paper_block(student.blocks, 3), paper_block(teacher.blocks, 3), variant=self.variant
        )
        losses = {
            "cross_entropy": self.cross_entropy(student.logits, batch),
            "similarity": self.sp_weight * similarity,
        }
        return Supervision(student.logits, losses)
