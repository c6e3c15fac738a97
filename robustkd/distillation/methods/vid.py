"""`vid`: raise a lower bound of the mutual information between the teacher's blocks and the student's.

    L = CE(z_s, y) + vid_weight · Σ_{blocks 1, 2, 3} mean(½ log σ_c² + (f_t − μ(f_s))² / (2 σ_c²))

    σ_c² = softplus(α_c) + ε

The bound assumes that the teacher's block is Gaussian given the student's: μ is a network of three 1×1 convolutions
with rectifiers between them, as many channels wide as the teacher's block, and σ_c² a variance for each channel; both
are trained with the student. α begins at a variance of 5, and ε = 1e-5 keeps it positive. The mean is over batch,
channels and positions; the constant ½ log 2π is left out. Ahn et al., *Variational Information Distillation for
Knowledge Transfer* (arXiv 1904.05835), section 2: the Gaussian observation model for convolutional layers.

Variants: `tian2020` takes that mean, as the authors' code and the benchmark code of Tian et al. 2020 (arXiv 1910.10699)
    do, from which weight, μ, α and ε are. `original` sums over channels and positions, as the paper does, and averages
    over the batch; the two differ by a factor of C·H·W, so weights do not carry over.

Deviations: if the maps differ in size, the larger is average-pooled to the smaller, as in that code.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.blocks import paper_block, to_common_size
from robustkd.distillation.initial_weights import seeded_by
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

Variant = Literal["tian2020", "original"]
BLOCKS = (1, 2, 3)
FIRST_VARIANCE = 5.0
SMALLEST_VARIANCE = 1e-5


@in_full_precision
def gaussian_loss(mean: Tensor, teacher: Tensor, alpha: Tensor, *, variant: Variant = "tian2020") -> Tensor:
    """Negative log-likelihood of the teacher's features under a Gaussian, without its constant.

    Args:
        mean: μ, (B, C, H, W), computed from the student's features.
        teacher: (B, C, H, W).
        alpha: α, (C,); the variances are softplus(α) + 1e-5.
        variant: `tian2020`: mean over batch, channels and positions; `original`: sum over channels and positions, mean
            over the batch.

    Returns:
        A scalar, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> mean, alpha = torch.zeros(1, 1, 2, 2), torch.tensor([0.5413])  # softplus(0.5413) = 1
    >>> round(rk.losses.gaussian_loss(mean, 2 * torch.ones(1, 1, 2, 2), alpha).item(), 3)  # 2² / 2
    2.0
    """
    variance = F.softplus(alpha)[:, None, None] + SMALLEST_VARIANCE
    likelihoods = ((teacher - mean).square() / variance + variance.log()) / 2
    return likelihoods.mean() if variant == "tian2020" else likelihoods.sum(dim=(1, 2, 3)).mean()


@METHODS.register("vid")
class VariationalInformation(Method):
    """Predict the teacher's blocks from the student's, with a learned mean and variance.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        vid_weight: The weight of the negative log-likelihoods; it belongs to the variant.
        variant: `tian2020` takes the mean over channels and positions, `original` the sum.

    Raises:
        ModelError: A network lacks timm's `feature_info`, or lists too few blocks.
    """

    cites = "Ahn et al. 2019"
    matches = "feature"
    cost = 2.1

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        vid_weight: NonNegative = 1.0,
        variant: Variant = "tian2020",
    ) -> None:
        super().__init__(student, teacher)
        self.vid_weight = vid_weight
        self.variant: Variant = variant
        widths = [[paper_block(model.block_channels, number) for number in BLOCKS] for model in (student, self.teacher)]
        first_alpha = math.log(math.expm1(FIRST_VARIANCE - SMALLEST_VARIANCE))
        with seeded_by(student):
            self.means = nn.ModuleList(_mean(have, need) for have, need in zip(*widths, strict=True))
        self.alphas = nn.ParameterList(torch.full((need,), first_alpha) for need in widths[1])

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        student, teacher = self.outputs_of_both(batch)
        likelihoods = []
        for number, mean, alpha in zip(BLOCKS, self.means, self.alphas, strict=True):
            seen, wanted = to_common_size(paper_block(student.blocks, number), paper_block(teacher.blocks, number))
            likelihoods.append(gaussian_loss(mean(seen), wanted, alpha, variant=self.variant))
        losses = {
            "cross_entropy": self.cross_entropy(student.logits, batch),
            "information": self.vid_weight * torch.stack(likelihoods).sum(),
        }
        return Supervision(student.logits, losses)


def _mean(have: int, need: int) -> nn.Module:
    """The network μ from the student's to the teacher's number of channels."""
    return nn.Sequential(
        nn.Conv2d(have, need, kernel_size=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(need, need, kernel_size=1, bias=False),
        nn.ReLU(),
        nn.Conv2d(need, need, kernel_size=1, bias=False),
    )
