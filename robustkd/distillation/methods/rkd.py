"""`rkd_d`, `rkd_a`, `rkd_da`: match the distances between the teacher's embeddings, their angles, or both.

    L = CE(z_s, y) + distance_weight · mean huber(d_s / μ_s, d_t / μ_t) + angle_weight · mean huber(cos∠_s, cos∠_t)

d is the distance between two embeddings, μ the mean of the positive distances of a batch (the student's keeps its
gradient), cos∠ the cosine of the angle at i between j and k; means are over all b² pairs and all b³ triplets. Park et
al., *Relational Knowledge Distillation* (arXiv 1904.05068), equations 5 to 10; weights of sarfraz2020, Table I.

Variants: `original` embeds an image as the pooled features that the classifier sees. `sarfraz2020` embeds it as block
3, flattened; the losses scale it to unit L2 norm, and the distance of an image to itself counts as 1e-6, so that μ is a
mean over b² pairs. `ruffy2019` (`rkd_da` alone) is what the code of Ruffy and Chahal (arXiv 1912.10850) calls RKD: the
terms of `original` beside ½ · CE and ½ · T² · KL(p_t^T ‖ p_s^T) at T = 5, the loss of `hinton`.

Deviations: differences of embeddings (b²·C·H·W numbers) are never computed; distances are computed from the Gram matrix
of the centred embeddings, and angles from the distances. The Gram matrix is in float64: in float32, distances within a
class whose embeddings are close to each other are lost in the rounding error of their norms. Embeddings closer than
this error count as equal.
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
from robustkd.models import Outputs, PixelModel

Variant = Literal["sarfraz2020", "original"]
RUFFY2019_KD_WEIGHT, RUFFY2019_TEMPERATURE = 0.5, 5.0
SMALLEST_SQUARE = 1e-12


@in_full_precision
def distance_loss(student: Tensor, teacher: Tensor, *, variant: Variant = "sarfraz2020") -> Tensor:
    """RKD-D: Huber distance of the pairwise distances, each set divided by its mean.

    Args:
        student: (B, D).
        teacher: (B, D').
        variant: ``original`` takes the mean over pairs of different images; ``sarfraz2020`` scales each embedding to
            unit L2 norm, and takes the mean over all b² pairs.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> features = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 0.0]])
    >>> round(rk.losses.distance_loss(features, 2 * features, variant="original").item(), 4)  # relative distances
    0.0
    """
    return F.smooth_l1_loss(_relative_distances(student, variant), _relative_distances(teacher, variant))


@in_full_precision
def angle_loss(student: Tensor, teacher: Tensor, *, variant: Variant = "sarfraz2020") -> Tensor:
    """RKD-A: Huber distance of the cosines of the angles between all triplets.

    Args:
        student: (B, D).
        teacher: (B, D').
        variant: ``sarfraz2020`` scales each embedding to unit L2 norm, ``original`` does not.

    Returns:
        A scalar, 0 to 1.5.

    >>> import torch
    >>> import robustkd as rk
    >>> features = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 0.0]])
    >>> round(rk.losses.angle_loss(features, 2 * features, variant="original").item(), 4)  # the same angles
    0.0
    """
    return F.smooth_l1_loss(_cosines(_scaled(student, variant)), _cosines(_scaled(teacher, variant)))


def _scaled(embedding: Tensor, variant: Variant) -> Tensor:
    return F.normalize(embedding) if variant == "sarfraz2020" else embedding


def _relative_distances(embedding: Tensor, variant: Variant) -> Tensor:
    squares = _squared_distances(_scaled(embedding, variant))
    distances = squares.clamp(min=SMALLEST_SQUARE).sqrt()
    if variant == "sarfraz2020":
        return distances / distances.mean()
    positive = squares > 0
    distances = distances * positive
    # clamped for a batch whose images all have the same embedding
    mean = distances.sum() / positive.sum().clamp(min=1)
    return distances / mean.clamp(min=SMALLEST_SQUARE)


def _cosines(embedding: Tensor) -> Tensor:
    """The cosine of the angle at i between j and k, (B, B, B); 0 if j or k has the same embedding as i."""
    squares = _squared_distances(embedding)
    inverse = torch.where(squares > 0, squares.clamp(min=SMALLEST_SQUARE).rsqrt(), 0.0)
    # the law of cosines: 2 ab cos γ = a² + b² − c²
    doubled = squares[:, :, None] + squares[:, None, :] - squares
    return doubled * (inverse[:, :, None] * inverse[:, None, :] / 2)


def _squared_distances(embedding: Tensor) -> Tensor:
    """The squared distances, (B, B); exactly 0 on the diagonal and where the difference is within rounding error."""
    # centring does not change differences of embeddings, and reduces cancellation
    centred = embedding.double() - embedding.double().mean(0)
    gram = centred @ centred.T
    norms = gram.diagonal()
    sums = norms[:, None] + norms
    squares = sums - 2 * gram
    resolved = squares > 8 * torch.finfo(gram.dtype).eps * sums
    known = torch.where(resolved & ~torch.eye(len(gram), dtype=torch.bool, device=gram.device), squares, 0.0)
    return known.to(embedding.dtype)


@METHODS.register("rkd_da")
class RelationalDistancesAndAngles(Method):
    """Match the teacher's distances and angles between the images of a batch.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        distance_weight: λ_D, the weight of the distance term; 0 leaves it out.
        angle_weight: λ_A, the weight of the angle term; 0 leaves it out.
        variant: `sarfraz2020` follows the code of Sarfraz et al. 2020, `original` the original paper, `ruffy2019` the
            code of Ruffy and Chahal 2019, with distillation of the predictions.
    """

    cites = "Park et al. 2019"
    matches = "relation"
    cost = 2.0
    version = 2

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        distance_weight: NonNegative = 25.0,
        angle_weight: NonNegative = 50.0,
        variant: Literal["sarfraz2020", "original", "ruffy2019"] = "sarfraz2020",
    ) -> None:
        super().__init__(student, teacher)
        self.distance_weight = distance_weight
        self.angle_weight = angle_weight
        self.variant: Literal["sarfraz2020", "original", "ruffy2019"] = variant

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        outputs, teacher_outputs = self.outputs_of_both(batch)
        student, teacher = self._embedding(outputs), self._embedding(teacher_outputs)
        losses = self._prediction_losses(outputs.logits, teacher_outputs.logits, batch)
        form: Variant = "sarfraz2020" if self.variant == "sarfraz2020" else "original"
        if self.distance_weight:
            losses["distance"] = self.distance_weight * distance_loss(student, teacher, variant=form)
        if self.angle_weight:
            losses["angle"] = self.angle_weight * angle_loss(student, teacher, variant=form)
        return Supervision(outputs.logits, losses)

    def _prediction_losses(self, logits: Tensor, teacher_logits: Tensor, batch: Batch) -> dict[str, Tensor]:
        if self.variant != "ruffy2019":
            return {"cross_entropy": self.cross_entropy(logits, batch)}
        return self.labels_and_teacher(
            logits, teacher_logits, batch, kd_weight=RUFFY2019_KD_WEIGHT, temperature=RUFFY2019_TEMPERATURE
        )

    def _embedding(self, outputs: Outputs) -> Tensor:
        if self.variant == "sarfraz2020":
            return paper_block(outputs.blocks, 3).flatten(1)
        return outputs.pooled


@METHODS.register("rkd_d")
class RelationalDistances(RelationalDistancesAndAngles):
    """Match the teacher's distances between the images of a batch."""

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        distance_weight: NonNegative = 25.0,
        variant: Variant = "sarfraz2020",
    ) -> None:
        super().__init__(student, teacher, distance_weight=distance_weight, angle_weight=0.0, variant=variant)


@METHODS.register("rkd_a")
class RelationalAngles(RelationalDistancesAndAngles):
    """Match the teacher's angles between the images of a batch."""

    cost = 2.2

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        angle_weight: NonNegative = 50.0,
        variant: Variant = "sarfraz2020",
    ) -> None:
        super().__init__(student, teacher, distance_weight=0.0, angle_weight=angle_weight, variant=variant)
