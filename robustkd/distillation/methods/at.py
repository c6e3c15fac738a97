"""`at`: attention transfer, match the regions where the teacher's features are large.

    L = CE(z_s, y) + at_weight · Σ_{blocks 1, 2, 3} mean((A_s − A_t)²)

    A = a / ‖a‖₂ per image,    a = vec(mean over channels of f²)

The mean is over batch and positions, which is why the weight is large. Zagoruyko and Komodakis, *Paying More Attention
to Attention* (arXiv 1612.03928), section 3.1; weights of sarfraz2020, Table I.

Variants: `original` is equation 2, (at_weight / 2) · Σ mean over the batch of ‖A_s − A_t‖₂ / (H·W): a norm per image,
not squared, with the weight divided by the size of the map as in section 4.1 of the paper.

The toolkits RepDistiller and mdistiller, and torchdistill by default, compute `sarfraz2020`. That of KD_Lib has no
variant here: given logits, its `Attention` scales the square of every single logit to norm 1, for both networks, so
that its term is 0.

Deviations: if the maps of student and teacher differ in size, a of the larger map is average-pooled to the smaller
    size.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.blocks import paper_block, to_common_size
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel


@in_full_precision
def attention_loss(
    student: Tensor, teacher: Tensor, *, variant: Literal["sarfraz2020", "original"] = "sarfraz2020"
) -> Tensor:
    """Distance between the attention maps of one block.

    Args:
        student: (B, C, H, W).
        teacher: (B, C', H', W').
        variant: `sarfraz2020`: mean of squares; `original`: half the mean norm, divided by the size of the map.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> maps = torch.ones(1, 3, 2, 2)
    >>> round(rk.losses.attention_loss(maps, 5 * maps).item(), 4)  # maps are scaled to unit norm
    0.0
    """
    energies = to_common_size(student.square().mean(1, keepdim=True), teacher.square().mean(1, keepdim=True))
    student_map, teacher_map = (F.normalize(energy.flatten(1)) for energy in energies)
    if variant == "original":
        norms = torch.linalg.vector_norm(student_map - teacher_map, dim=1)
        return norms.mean() / (2 * student_map.shape[1])
    return F.mse_loss(student_map, teacher_map)


@METHODS.register("at")
class AttentionTransfer(Method):
    """Match the teacher's attention maps after every block.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        at_weight: β, the weight of the attention term.
        variant: `sarfraz2020` follows the code of Sarfraz et al. 2020, `original` the original paper.
    """

    cites = "Zagoruyko and Komodakis 2017"
    matches = "feature"
    cost = 2.1

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        at_weight: NonNegative = 1000.0,
        variant: Literal["sarfraz2020", "original"] = "sarfraz2020",
    ) -> None:
        super().__init__(student, teacher)
        self.at_weight = at_weight
        self.variant: Literal["sarfraz2020", "original"] = variant

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        student, teacher = self.outputs_of_both(batch)
        distances = [
            attention_loss(
                paper_block(student.blocks, number), paper_block(teacher.blocks, number), variant=self.variant
            )
            for number in (1, 2, 3)
        ]
        losses = {
            "cross_entropy": self.cross_entropy(student.logits, batch),
            "attention": self.at_weight * torch.stack(distances).sum(),
        }
        return Supervision(student.logits, losses)
