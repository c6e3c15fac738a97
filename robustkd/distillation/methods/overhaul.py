"""`overhaul`: match the teacher's blocks before their rectifiers, except where both are negative enough.

    L = CE(z_s, y) + overhaul_weight · Σ_{i = 1, 2, 3} 2^(i − 3) · D(r_i(f_s,i), max(f_t,i, m_i))

    D(s, t) = 1/b Σ over images, channels and positions of (s − t)², or 0 where s ≤ t ≤ 0
    m_c = E[x | x < 0] = μ − σ · φ(μ/σ) / Φ(−μ/σ),    x Gaussian with mean μ and deviation σ

f is a block before its last rectifier: for a ResNet the residual sum, for a Wide ResNet the next batch normalisation of
the raw sum. r is a 1×1 convolution followed by batch normalisation. The margin m of a channel is the mean of its
negative responses, from the shift μ and the scale σ of the teacher's batch normalisation before the rectifier. Heo et
al., *A Comprehensive Overhaul of Feature Distillation* (arXiv 1904.01866), section 3: margin ReLU, position before the
rectifier, partial L2 distance; weight 1/1000 and the halved weight of each earlier block are of the published CIFAR-100
code, as is m = −3σ where Φ(−μ/σ) ≤ 0.001. ruffy2019's "OH" has the same loss.

Deviations: the teacher normalises with its running statistics; the published code leaves it in training mode. If maps
differ in size, the larger is average-pooled to the smaller.

It applies to networks whose blocks are followed by a batch normalisation and a ReLU that are modules of their own, such
as ResNets and Wide ResNets; others, such as vision transformers and MobileNets, are refused.
"""

import torch
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.blocks import to_common_size
from robustkd.distillation.initial_weights import seeded_by
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.pre_activations import features_before_rectifiers, places_before_rectifiers
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

BLOCKS = (1, 2, 3)
RARELY = 0.001
"""The probability of a negative response below which the margin is three deviations below zero."""


@in_full_precision
def partial_distance(student: Tensor, teacher: Tensor, margin: Tensor) -> Tensor:
    """Squared distance of features from a teacher's with a floor, without entries where both are not positive enough.

    Args:
        student: The output of the regressor, (B, C, H, W).
        teacher: The teacher's features before the rectifier, (B, C, H, W).
        margin: The floor of each channel, (C,), below 0.

    Returns:
        A scalar ≥ 0: a sum over channels and positions, averaged over the batch.

    >>> import torch
    >>> import robustkd as rk
    >>> student = torch.tensor([-5.0, 1.0, 3.0]).view(1, 1, 1, 3)
    >>> teacher = torch.tensor([-4.0, -4.0, 1.0]).view(1, 1, 1, 3)
    >>> rk.losses.partial_distance(student, teacher, torch.tensor([-2.0])).item()  # 0 + (1 + 2)² + (3 − 1)²
    13.0
    """
    target = torch.maximum(teacher, margin[:, None, None])
    counted = (student > target) | (target > 0)
    return ((student - target).square() * counted).sum(dim=(1, 2, 3)).mean()


def negative_means(mean: Tensor, deviation: Tensor) -> Tensor:
    """Means of the negative part of Gaussians, the margins.

    Args:
        mean: μ, (C,).
        deviation: σ ≥ 0, (C,).

    Returns:
        float64 (C,), below 0: E[x | x < 0], or −3σ where negative values are rarer than 0.1 %.
    """
    mean, deviation = mean.double(), deviation.double().clamp(min=torch.finfo(torch.float32).tiny)
    ratio = mean / deviation
    negative = torch.special.ndtr(-ratio)
    density = torch.exp(-ratio.square() / 2) / (2 * torch.pi) ** 0.5
    return torch.where(negative > RARELY, mean - deviation * density / negative, -3 * deviation)


@METHODS.register("overhaul")
class OverhauledFeatures(Method):
    """Match the teacher's blocks before their rectifiers, as far as a rectifier would let them pass.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        overhaul_weight: The weight of the distances.

    Raises:
        ModelError: A network lists too few blocks, or a block is not followed by batch normalisation and rectifier.
    """

    cites = "Heo et al. 2019b"
    matches = "feature"
    cost = 2.1

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        overhaul_weight: NonNegative = 0.001,
    ) -> None:
        super().__init__(student, teacher)
        self.overhaul_weight = overhaul_weight
        # in tuples the modules of the networks are not submodules once more
        self._student_places = places_before_rectifiers(student, BLOCKS)
        self._teacher_places = places_before_rectifiers(self.teacher, BLOCKS)
        pairs = zip(self._student_places, self._teacher_places, strict=True)
        with seeded_by(student):
            self.regressors = nn.ModuleList(
                _regressor(have.norm.num_features, need.norm.num_features) for have, need in pairs
            )
        for number, place in zip(BLOCKS, self._teacher_places, strict=True):
            margins = negative_means(place.norm.bias.detach(), place.norm.weight.detach().abs())
            self.register_buffer(f"margin{number}", margins.float(), persistent=False)

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        (logits, features), (_, wanted) = self._of_both(
            lambda: features_before_rectifiers(self.student, self._student_places, batch.pixels),
            lambda: features_before_rectifiers(self.teacher, self._teacher_places, batch.pixels),
            batch,
        )
        distances = []
        for number, regressor, seen, target in zip(BLOCKS, self.regressors, features, wanted, strict=True):
            given = to_common_size(regressor(seen), target)
            margin = self.get_buffer(f"margin{number}")
            distances.append(2.0 ** (number - BLOCKS[-1]) * partial_distance(*given, margin))
        losses = {
            "cross_entropy": self.cross_entropy(logits, batch),
            "features": self.overhaul_weight * torch.stack(distances).sum(),
        }
        return Supervision(logits, losses)


def _regressor(have: int, need: int) -> nn.Module:
    convolution = nn.Conv2d(have, need, kernel_size=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(need))
