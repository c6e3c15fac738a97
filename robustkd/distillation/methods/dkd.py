"""`dkd`: decoupled knowledge distillation: separate weights for the label and for the other classes.

    L = CE(z_s, y) + target_weight · T² · KL(b_t ‖ b_s) + nontarget_weight · T² · KL(p̂_t ‖ p̂_s)

b = (p_y, 1 − p_y) is the softened prediction of the label against all other classes, p̂ the softened prediction among
the other classes. In `hinton`, KL is the same sum, but the second term has weight 1 − p_t,y for each image (equation
6), so a confident teacher's knowledge about the other classes hardly counts. Layer: output. Zhao et al., *Decoupled
Knowledge Distillation* (arXiv 2203.08679), equation 7; weights of its CIFAR-100 experiments.

Deviations: the published code raises the weight of the distillation terms over the first 20 epochs; this implementation
    does not.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.method import METHODS, Method, Supervision
from robustkd.distillation.precision import in_full_precision
from robustkd.distillation.recipe import NonNegative
from robustkd.distillation.response import as_compared
from robustkd.models import PixelModel


@in_full_precision
def target_loss(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """TCKD: T² · KL between the softened predictions of the label against all other classes.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        labels: int64 (B,).
        temperature: T > 0.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> logits = torch.tensor([[1.0, 0.0, 2.0]])
    >>> round(rk.losses.target_loss(logits, logits, torch.tensor([0]), 4.0).item(), 4)
    0.0
    """
    student, teacher = (label_against_others(each, labels, temperature) for each in (student_logits, teacher_logits))
    return kd_loss(student, teacher, temperature)


@in_full_precision
def nontarget_loss(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """NCKD: T² · KL between the softened predictions among the classes other than the label.

    Args:
        student_logits: (B, K), K ≥ 2.
        teacher_logits: (B, K).
        labels: int64 (B,).
        temperature: T > 0.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> logits = torch.tensor([[1.0, 0.0, 2.0]])
    >>> other = torch.tensor([[5.0, 0.0, 2.0]])  # differs only in the logit of the label
    >>> abs(round(rk.losses.nontarget_loss(logits, other, torch.tensor([0]), 4.0).item(), 4))
    0.0
    """
    return kd_loss(among_others(student_logits, labels), among_others(teacher_logits, labels), temperature)


def label_against_others(logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return logits (B, 2), of the label and of any other class, whose softened prediction is (p_y, 1 − p_y)."""
    # temperature times the log of the others' summed weights acts as the logit of "another class"
    others = temperature * (among_others(logits, labels) / temperature).logsumexp(1, keepdim=True)
    return torch.cat([logits.gather(1, labels[:, None]), others], dim=1)


def among_others(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the logits of the classes other than the label, (B, K − 1)."""
    columns = torch.arange(logits.shape[1] - 1, device=logits.device)
    return logits.gather(1, columns + (columns >= labels[:, None]))


@METHODS.register("dkd")
class DecoupledDistillation(Method):
    """Match the teacher's softened prediction for the label and among the other classes, with separate weights.

    Args:
        student: The network to train.
        teacher: The network to learn from.
        target_weight: α, the weight of the term for the label against all other classes.
        nontarget_weight: β, the weight of the term for the prediction among the other classes.
        temperature: T, the temperature of both softened predictions.
        standardise_logits: Whether both networks' logits are standardised before they are compared (Sun et al. 2024,
            arXiv 2403.01993).
    """

    cites = "Zhao et al. 2022"
    matches = "response"
    cost = 1.7
    reads_labels = True

    def __init__(
        self,
        student: PixelModel,
        teacher: PixelModel | None = None,
        *,
        target_weight: NonNegative = 1.0,
        nontarget_weight: NonNegative = 8.0,
        temperature: Annotated[float, Field(gt=0)] = 4.0,
        standardise_logits: bool = False,
    ) -> None:
        super().__init__(student, teacher)
        self.target_weight = target_weight
        self.nontarget_weight = nontarget_weight
        self.temperature = temperature
        self.standardise_logits = standardise_logits

    def forward(self, batch: Batch) -> Supervision:
        """Supervise the student on one batch."""
        logits, teacher_logits = self.logits_of_both(batch)
        student, teacher = as_compared(logits, teacher_logits, standardise=self.standardise_logits)
        given = (student, teacher, batch.labels, self.temperature)
        losses = {
            "cross_entropy": self.cross_entropy(logits, batch),
            "target": self.target_weight * target_loss(*given),
            "nontarget": self.nontarget_weight * nontarget_loss(*given),
        }
        return Supervision(logits, losses)
