"""`dist`: match how the teacher's predictions are correlated, over the classes of an image and the images of a class.

    L = CE(z_s, y) + inter_weight · T² · mean_i (1 − ρ(p_s[i, :], p_t[i, :]))
                   + intra_weight · T² · mean_k (1 − ρ(p_s[:, k], p_t[:, k]))

p is the softened prediction softmax(z / T) of a batch, (B, K), and ρ Pearson's correlation. Unlike in `hinton`, the
student may predict with more or less confidence than the teacher: ρ does not change if the probabilities of an image
or a class are scaled by a positive factor and shifted. Layer: output. Huang et al., *Knowledge Distillation from A
Stronger Teacher* (arXiv 2205.10536): the inter-class and the intra-class relation.

The defaults T = 4 and weights of 2 are those of the paper's experiments on CIFAR-100; for ImageNet it has T = 1 and,
in the published code, weights of 1.

As in the published code, 1e-8 is added to the denominator of ρ. Where a row or a column does not vary, as every
column of a batch of one image, ρ is therefore 0: its term is a constant and has no gradient.
"""

from typing import Annotated

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

SMALLEST = 1e-8
"""What is added to the product of two norms, as the published code does."""


@in_full_precision
def inter_class_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T² · (1 − correlation of the softened predictions over the classes), averaged over images.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        temperature: T > 0.

    Returns:
        A scalar, 0 to 2 · T².

    >>> import torch
    >>> import robustkd as rk
    >>> student, teacher = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 5.0]])
    >>> round(rk.losses.inter_class_loss(student, teacher, 1.0).item(), 4)  # the opposite order of two classes
    2.0
    """
    return temperature**2 * _decorrelation(*_softened(student_logits, teacher_logits, temperature))


@in_full_precision
def intra_class_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T² · (1 − correlation of the softened predictions over the images), averaged over classes.

    Args:
        student_logits: (B, K); for B = 1 the value is T².
        teacher_logits: (B, K).
        temperature: T > 0.

    Returns:
        A scalar, 0 to 2 · T².

    >>> import torch
    >>> import robustkd as rk
    >>> logits = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> round(rk.losses.intra_class_loss(logits, logits.flip(0), 1.0).item(), 4)  # the opposite order of two images
    2.0
    """
    student, teacher = _softened(student_logits, teacher_logits, temperature)
    return temperature**2 * _decorrelation(student.T, teacher.T)


def _softened(student: Tensor, teacher: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    return F.softmax(student / temperature, dim=1), F.softmax(teacher / temperature, dim=1)


def _decorrelation(first: Tensor, second: Tensor) -> Tensor:
    """1 − correlation of two matrices row by row, averaged over rows."""
    first, second = (each - each.mean(dim=1, keepdim=True) for each in (first, second))
    norms = first.norm(dim=1) * second.norm(dim=1)
    return 1 - ((first * second).sum(dim=1) / (norms + SMALLEST)).mean()


@METHODS.register("dist")
class CorrelationDistillation(Method):
    """Match the correlations of the teacher's softened predictions within images and within classes.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        inter_weight: β, the weight of the correlations over the classes of an image.
        intra_weight: γ, the weight of the correlations over the images of a class.
        temperature: T, the temperature of both softened predictions.
    """

    cites = "Huang et al. 2022"
    matches = "response"
    cost = 1.8

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        inter_weight: NonNegative = 2.0,
        intra_weight: NonNegative = 2.0,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
    ) -> None:
        super().__init__(student, teacher)
        self.inter_weight = inter_weight
        self.intra_weight = intra_weight
        self.temperature = temperature

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits, teacher_logits = self.logits_of_both(batch)
        losses = {
            "cross_entropy": self.cross_entropy(logits, batch),
            "inter_class": self.inter_weight * inter_class_loss(logits, teacher_logits, self.temperature),
            "intra_class": self.intra_weight * intra_class_loss(logits, teacher_logits, self.temperature),
        }
        return Supervision(logits, losses)
