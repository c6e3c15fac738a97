"""`tf_kd`: teacher-free distillation from a hand-made teacher that is right, and never quite certain.

    L = (1 − kd_weight) · CE(z_s, y) + kd_weight · multiplier · D

    D = KL(softmax(p_d / T) ‖ p_s)             published_code
    D = KL(p_d^T ‖ p_s^T)                      original

    p_d[y] = confidence,    p_d[k] = (1 − confidence) / (K − 1) for every other class k

No teacher. p_s^T = softmax(z_s / T) is the student's softened prediction, p_d^T ∝ p_d^(1/T) the virtual teacher's; KL
is summed over classes and averaged over the batch. Layer: output. Yuan et al., *Revisiting Knowledge Distillation via
Label Smoothing Regularization* (arXiv 1909.11723), section 5: the regularisation Tf-KD_reg. Its other method,
Tf-KD_self, is distillation from a network of the student's own kind.

Variants: `original` is the paper's equation, in which both predictions are softened. `published_code` is what its
    authors ran, and the default because their weights belong to it: the student's prediction is not softened, and the
    probabilities p_d, not their logarithms, are divided by T. At T = 20 its target is even but for a few percent of
    1/K, so that the term acts as a smoothing of the labels.

Neither has a factor T². `published_code` needs none: T changes only the target, and the gradient p_s − softmax(p_d / T)
has a size that does not depend on it. In `original` the gradient falls with T² (a factor of 1/T, of a difference that
falls with T itself): at T = 20 and a multiplier of 1 the term hardly does anything; ``multiplier: 400`` restores the
size that `hinton` has.

Deviations: the published code averages over classes too, with a multiplier of 100 for ResNet-18 on CIFAR-100, which is
    a multiplier of 1 of the sum over its 100 classes. That is the default, with its T = 20 and weight of 0.1; other
    networks have T = 40 and weights up to 0.95.
"""

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.models import PixelModel

Variant = Literal["published_code", "original"]


@in_full_precision
def virtual_teacher_loss(
    logits: Tensor, labels: Tensor, temperature: float, confidence: float, *, variant: Variant = "published_code"
) -> Tensor:
    """KL(virtual teacher ‖ student), averaged over images.

    Args:
        logits: (B, K), K ≥ 2.
        labels: int64 (B,).
        temperature: T > 0, by which the virtual teacher is softened.
        confidence: The probability that it gives to the label before it is softened, between 0 and 1.
        variant: ``published_code`` or ``original``; see the module.

    Returns:
        A scalar ≥ 0, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> certain = torch.tensor([[9.0, 0.0]])  # too certain for a teacher whose target is 0.512 and 0.488
    >>> round(rk.losses.virtual_teacher_loss(certain, torch.tensor([0]), 20.0, 0.99).item(), 3)
    3.697
    """
    others = (1 - confidence) / (logits.shape[1] - 1)
    taught = torch.full_like(logits, others).scatter(1, labels[:, None], confidence)
    if variant == "original":
        taught, logits = taught.log(), logits / temperature
    wanted = F.log_softmax(taught / temperature, dim=1)
    return F.kl_div(F.log_softmax(logits, dim=1), wanted, reduction="batchmean", log_target=True)


@METHODS.register("tf_kd")
class TeacherFreeDistillation(Method):
    """Learn the labels, and the softened prediction of a virtual teacher that is made from them.

    Args:
        student: The network to train.
        teacher: Not used.
        kd_weight: α, the weight of the virtual teacher, 0 to 1; the labels have the rest.
        multiplier: A further factor of the virtual teacher's term.
        temperature: T, by which the virtual teacher is softened, and in `original` the student too.
        confidence: a, the probability that the virtual teacher gives to the label, between 0 and 1.
        variant: `published_code` follows the code of the paper's authors, `original` the paper.
    """

    cites = "Yuan et al. 2020"
    matches = "labels"
    cost = 1.0
    needs_teacher = False
    reads_labels = True

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        kd_weight: Annotated[float, Field(ge=0, le=1)] = 0.1,
        multiplier: NonNegative = 1.0,
        temperature: Annotated[float, Field(gt=0)] = 20.0,
        confidence: Annotated[float, Field(gt=0, lt=1)] = 0.99,
        variant: Variant = "published_code",
    ) -> None:
        super().__init__(student, teacher)
        self.kd_weight = kd_weight
        self.multiplier = multiplier
        self.temperature = temperature
        self.confidence = confidence
        self.variant: Variant = variant

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits = self.student(batch.pixels)
        loss = virtual_teacher_loss(logits, batch.labels, self.temperature, self.confidence, variant=self.variant)
        losses = {
            "cross_entropy": (1 - self.kd_weight) * self.cross_entropy(logits, batch),
            "virtual_teacher": self.kd_weight * self.multiplier * loss,
        }
        return Supervision(logits, losses)
