"""`review_kd`: match each block of the teacher with what the student knows at that block and all deeper ones.

    L = CE(z_s, y) + w(epoch) · review_weight · Σ_{blocks 1, 2, 3, pooled} HCL(o_i, f_t,i)

    HCL(o, f) = Σ_l 2⁻ᵏ · mean((pool_l(o) − pool_l(f))²) / Σ_l 2⁻ᵏ,    l = the map's own size, 4, 2, 1;  k = 0, 1, 2, 3
    w(epoch) = min(1, epoch / (warm_up · epochs))

From the deepest features to block 1, attention-based fusion (ABF) projects a block of the student by a 1×1 convolution,
enlarges the fused features of the deeper blocks to its size, and adds both with two attention maps that it computes
from them; o is the sum, brought to the size of the teacher's map and to its channels by a 3×3 convolution. A size l
that is not below the map's own is left out. All fusions are trained with the student and discarded afterwards. Chen et
al., *Distilling Knowledge via Knowledge Review* (arXiv 2104.09044), section 3: ABF and HCL; weights of their published
CIFAR-100 code: 5 for WRN-16-2 from WRN-40-2, 0.6 to 8 for other pairs, with a warm-up of 20 of 240 epochs, here in
proportion to the epochs of a training.

Deviations: blocks are compared as the networks give them; the published code takes the teacher's before their last
rectifier, as our Wide ResNets give them and our ResNets do not.

The method is defined for networks whose maps shrink from block to block; where all maps are of one size, as those of
vision transformers, the student's are brought to it. Maps of 1×1 are normalised over the batch, so that a last batch of
one image cannot be trained on.
"""

from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.blocks import paper_block, probe
from robustkd.distillation.initial_weights import seeded_by
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import Outputs, PixelModel

BLOCKS = (1, 2, 3)
LEVELS = (4, 2, 1)
"""The sizes that maps are pooled to, besides their own."""
WIDEST = 512


@in_full_precision
def hierarchical_context_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of two maps, averaged over levels of a spatial pyramid with weights 1, ½, ¼, ⅛.

    Args:
        student: (B, C, H, W).
        teacher: (B, C, H, W).

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> student = torch.tensor([[[[1.0, -1.0], [1.0, -1.0]]]])
    >>> round(rk.losses.hierarchical_context_loss(student, torch.zeros(1, 1, 2, 2)).item(), 4)  # (1 + ½ · 0) / (1 + ½)
    0.6667
    """
    maps = [(student, teacher)]
    for level in LEVELS:
        if level < student.shape[2]:
            maps.append((F.adaptive_avg_pool2d(student, level), F.adaptive_avg_pool2d(teacher, level)))
    weights = [2.0**-depth for depth in range(len(maps))]
    losses = [weight * F.mse_loss(*pair) for weight, pair in zip(weights, maps, strict=True)]
    return torch.stack(losses).sum() / sum(weights)


class AttentionBasedFusion(nn.Module):
    """Fuse a block of the student with the fused features of the deeper blocks.

    Args:
        have: The channels of the student's block.
        width: The channels of fused features.
        need: The channels of the teacher's block.
        deepest: Whether there are no deeper blocks.
    """

    def __init__(self, have: int, width: int, need: int, *, deepest: bool) -> None:
        super().__init__()
        self.project = _normalised(nn.Conv2d(have, width, kernel_size=1, bias=False))
        self.attention = None if deepest else nn.Sequential(nn.Conv2d(2 * width, 2, kernel_size=1), nn.Sigmoid())
        self.leave = _normalised(nn.Conv2d(width, need, kernel_size=3, padding=1, bias=False))

    def forward(self, block: Tensor, deeper: Tensor | None, size: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Fuse.

        Args:
            block: (B, have, H, W).
            deeper: (B, width, H', W'); None for the deepest block.
            size: Height and width of the teacher's map.

        Returns:
            What is compared with the teacher's map, (B, need, *size), and the fused features, (B, width, *size).
        """
        fused = self.project(block)
        if self.attention is not None and deeper is not None:
            deeper = _resized(deeper, fused.shape[2:])
            shares = self.attention(torch.cat([fused, deeper], dim=1))
            fused = fused * shares[:, :1] + deeper * shares[:, 1:]
        fused = _resized(fused, size)
        return self.leave(fused), fused


def _normalised(convolution: nn.Conv2d) -> nn.Module:
    nn.init.kaiming_uniform_(convolution.weight, a=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(convolution.out_channels))


def _resized(features: Tensor, size: Sequence[int]) -> Tensor:
    return features if features.shape[2:] == tuple(size) else F.interpolate(features, list(size), mode="nearest")


@METHODS.register("review_kd")
class KnowledgeReview(Method):
    """Match the teacher's blocks with the student's, each fused with all deeper ones.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        review_weight: The weight of the feature term after the warm-up.
        warm_up: The share of the epochs in which the feature term reaches its full weight, 0 to 1; 0 for full weight
            from the start.

    Raises:
        ModelError: A network lacks timm's `feature_info`, or lists too few blocks.
    """

    cites = "Chen et al. 2021"
    matches = "feature"
    cost = 3.7
    ramp: Tensor

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        review_weight: NonNegative = 5.0,
        warm_up: Annotated[float, Field(ge=0, le=1)] = 20 / 240,
    ) -> None:
        super().__init__(student, teacher)
        self.review_weight = review_weight
        self.warm_up = warm_up
        have, need = (_widths(model) for model in (student, self.teacher))
        width = min(WIDEST, have[0])
        with seeded_by(student):
            self.fusions = nn.ModuleList(
                AttentionBasedFusion(channels, width, wanted, deepest=place == 0)
                for place, (channels, wanted) in enumerate(zip(have, need, strict=True))
            )
        # a tensor, so that a compiled step is not compiled again in every epoch
        self.register_buffer("ramp", torch.ones(()), persistent=False)

    def begin_epoch(self, stage: str, epoch: int, epochs: int) -> None:
        """Raise the weight of the feature term."""
        super().begin_epoch(stage, epoch, epochs)
        length = self.warm_up * epochs
        self.ramp.fill_(min(1.0, epoch / length) if length else 1.0)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        student, teacher = self.outputs_of_both(batch)
        distances, fused = [], None
        for fusion, block, wanted in zip(self.fusions, _features(student), _features(teacher), strict=True):
            offered, fused = fusion(block, fused, wanted.shape[2:])
            distances.append(hierarchical_context_loss(offered, wanted))
        losses = {
            "cross_entropy": self.cross_entropy(student.logits, batch),
            "review": self.ramp * (self.review_weight * torch.stack(distances).sum()),
        }
        return Supervision(student.logits, losses)


def _features(outputs: Outputs) -> list[Tensor]:
    """The pooled features as a map of 1×1, and blocks 3, 2 and 1."""
    pooled = outputs.pooled.flatten(1)[:, :, None, None]
    return [pooled, *(paper_block(outputs.blocks, number) for number in reversed(BLOCKS))]


@torch.no_grad()
def _widths(model: PixelModel) -> list[int]:
    pooled = probe(model).pooled.flatten(1).shape[1]
    return [pooled, *(paper_block(model.block_channels, number) for number in reversed(BLOCKS))]
