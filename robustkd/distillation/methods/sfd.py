"""`sfd`: simple feature distillation: match the largest value of every channel of every block.

    L = CE(z_s, y) + feature_weight · Σ_{blocks 1, 2, 3} D(m_s, m_t),    m[i, c] = max over positions of f[i, c]

    D = mean over images and channels of (m_s − m_t)²        original
    D = max over images of ‖m_s[i] − m_t[i] + ε‖₂            ruffy2019

f is the output of a block. Both networks must have the same numbers of channels; their maps may differ in size. Ruffy
and Chahal, *The State of Knowledge Distillation for Classification* (arXiv 1912.10850), who call it SFD.

Variants: `original` is the method as the paper describes it, with the mean of squares as its distance. `ruffy2019`
    follows their code, which counts only the image whose distance is largest, with the norm over channels, a weight of
    1 and ε = 1e-6, as the `pairwise_distance` of torch had it then; today's would take the norm over an axis of length
    1, and so the maximum over channels too.

Deviations: their code also compares the stem's convolution and its normalisation, and blocks before their last
    rectifier, as our Wide ResNets give them and our ResNets do not.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.blocks import paper_block
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.errors import ModelError
from robustkd.models import PixelModel

Variant = Literal["original", "ruffy2019"]
BLOCKS = (1, 2, 3)
EPSILON = 1e-6


@in_full_precision
def pooled_maximum_loss(student: Tensor, teacher: Tensor, *, variant: Variant = "original") -> Tensor:
    """Distance of the largest values of the channels of two maps.

    Args:
        student: (B, C, H, W).
        teacher: (B, C, H', W').
        variant: `original`: mean of squares; `ruffy2019`: the largest norm over channels of an image of the batch.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> student = torch.tensor([[[[0.0, 5.0]]]])
    >>> rk.losses.pooled_maximum_loss(student, torch.tensor([[[[3.0]]]])).item()  # (5 − 3)²
    4.0
    """
    highest, wanted = (each.amax(dim=(2, 3)) for each in (student, teacher))
    if variant == "original":
        return F.mse_loss(highest, wanted)
    return (highest - wanted + EPSILON).norm(dim=1).amax()


@METHODS.register("sfd")
class SimpleFeatureDistillation(Method):
    """Match the teacher's features after every block, pooled to the largest value of each channel.

    Args:
        student: The network to train.
        teacher: The network to learn from; its blocks must have the student's numbers of channels.
        feature_weight: The weight of the feature term.
        variant: `original` takes the mean over the images of a batch, `ruffy2019` the maximum, as the published code.

    Raises:
        ModelError: The networks differ in channels, lack timm's `feature_info`, or list too few blocks.
    """

    cites = "Ruffy and Chahal 2019"
    matches = "feature"
    cost = 2.1

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        feature_weight: NonNegative = 1.0,
        variant: Variant = "original",
    ) -> None:
        super().__init__(student, teacher)
        self.feature_weight = feature_weight
        self.variant: Variant = variant
        have, need = (
            [paper_block(model.block_channels, number) for number in BLOCKS] for model in (self.student, self.teacher)
        )
        if have != need:
            raise ModelError(
                f"sfd compares channel by channel: blocks of the student {student.architecture} have {have} channels, "
                f"those of the teacher {self.teacher.architecture} {need}; use networks of equal widths or another "
                "method"
            )

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        student, teacher = self.outputs_of_both(batch)
        distances = [
            pooled_maximum_loss(
                paper_block(student.blocks, number), paper_block(teacher.blocks, number), variant=self.variant
            )
            for number in BLOCKS
        ]
        losses = {
            "cross_entropy": self.cross_entropy(student.logits, batch),
            "features": self.feature_weight * torch.stack(distances).sum(),
        }
        return Supervision(student.logits, losses)
