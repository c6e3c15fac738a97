"""Losses that compare the predictions of a student with those of its teacher; `losses` has the usual one, `kd_loss`.

Stanton et al., *Does Knowledge Distillation Really Work?* (arXiv 2106.05945), tried the divergences, labels of the
teacher and the Brier loss in their published code; logits and their standardisation have sources of their own.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.distillation.losses import kd_loss
from robustkd.distillation.precision import in_full_precision

SMALLEST = 1e-7
"""What standardisation adds to a standard deviation, as the published code does."""


@in_full_precision
def symmetric_kl_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T² · (KL(teacher ‖ student) + KL(student ‖ teacher)) at a temperature.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        temperature: T > 0.

    Returns:
        A scalar, in nats times T².

    >>> import torch
    >>> import robustkd as rk
    >>> round(rk.losses.symmetric_kl_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]]), 1.0).item(), 4)
    0.9242
    """
    return kd_loss(student_logits, teacher_logits, temperature) + reverse_kl_loss(
        student_logits, teacher_logits, temperature
    )


@in_full_precision
def reverse_kl_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T² · KL(student ‖ teacher) at a temperature.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        temperature: T > 0.

    Returns:
        A scalar, in nats times T².

    >>> import torch
    >>> import robustkd as rk
    >>> round(rk.losses.reverse_kl_loss(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]), 1.0).item(), 4)
    0.1201
    """
    return kd_loss(teacher_logits, student_logits, temperature)


@in_full_precision
def teacher_label_loss(student_logits: Tensor, teacher_labels: Tensor, temperature: float) -> Tensor:
    """−T² · log p of the label that the teacher gives, at a temperature.

    Args:
        student_logits: (B, K).
        teacher_labels: int64 (B,), 0 to K − 1.
        temperature: T > 0.

    Returns:
        A scalar ≥ 0, in nats times T².

    >>> import torch
    >>> import robustkd as rk
    >>> round(rk.losses.teacher_label_loss(torch.zeros(1, 2), torch.tensor([0]), 2.0).item(), 4)  # 4 · ln 2
    2.7726
    """
    return temperature**2 * F.cross_entropy(student_logits / temperature, teacher_labels)


@in_full_precision
def logit_loss(student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
    """Mean over images and classes of the squared difference of the logits.

    Ba and Caruana, *Do Deep Nets Really Need to be Deep?* (arXiv 1312.6184), regress logits by half the sum over
    classes; the mean has a size that does not depend on their number.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.logit_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0]])).item()
    0.5
    """
    return F.mse_loss(student_logits, teacher_logits)


@in_full_precision
def brier_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Mean over images and classes of the squared difference of the probabilities at a temperature.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        temperature: T > 0.

    Returns:
        A scalar, 0 to 2 / K.

    >>> import torch
    >>> import robustkd as rk
    >>> round(rk.losses.brier_loss(torch.tensor([[99.0, 0.0]]), torch.tensor([[0.0, 99.0]]), 1.0).item(), 4)
    1.0
    """
    student, teacher = (F.softmax(logits / temperature, dim=1) for logits in (student_logits, teacher_logits))
    return F.mse_loss(student, teacher)


@in_full_precision
def log_probability_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """Mean over images and classes of the squared difference of the log-probabilities at a temperature.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        temperature: T > 0.

    Returns:
        A scalar ≥ 0, in squared nats.

    >>> import torch
    >>> import robustkd as rk
    >>> teacher = torch.tensor([[1.0, 1.0]]).log()
    >>> round(rk.losses.log_probability_loss(torch.tensor([[3.0, 1.0]]).log(), teacher, 1.0).item(), 4)
    0.3224
    """
    student, teacher = (F.log_softmax(logits / temperature, dim=1) for logits in (student_logits, teacher_logits))
    return F.mse_loss(student, teacher)


@in_full_precision
def standardised(logits: Tensor) -> Tensor:
    """Logits minus their mean over classes, divided by their standard deviation, image by image.

    Sun et al., *Logit Standardization in Knowledge Distillation* (arXiv 2403.01993), algorithm 1: the student then
    matches the order and the relative distances of the teacher's logits, and may have a scale of its own.

    Args:
        logits: (B, K), K ≥ 2; or (M, B, K), of M networks.

    Returns:
        Of the same shape, each row of mean 0 and (unbiased) standard deviation 1.

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.standardised(torch.tensor([[1.0, 3.0, 5.0]])).round(decimals=4).tolist()
    [[-1.0, 0.0, 1.0]]
    """
    centred = logits - logits.mean(dim=-1, keepdim=True)
    return centred / (logits.std(dim=-1, keepdim=True) + SMALLEST)


def as_compared(*logits: Tensor, standardise: bool) -> tuple[Tensor, ...]:
    """Return logits of several networks, (B, K) or (M, B, K) each, as they are compared: standardised or unchanged."""
    return tuple(standardised(each) for each in logits) if standardise else logits


def drawn_labels(teacher_logits: Tensor, temperature: float) -> Tensor:
    """Draw a label for each image from the teacher's softened prediction, int64 (B,).

    Args:
        teacher_logits: (B, K).
        temperature: T > 0.
    """
    # the largest of logits with Gumbel noise is such a draw, and needs no number from the device
    uniform = torch.rand_like(teacher_logits, dtype=torch.float32).clamp(1e-20, 1 - 1e-7)
    return (teacher_logits.float() / temperature - (-uniform.log()).log()).argmax(dim=1)
