"""The losses that methods share: of the labels, of softened predictions, and of feature maps."""

import torch.nn.functional as F
from torch import Tensor

from robustkd.distillation.blocks import to_common_size
from robustkd.distillation.precision import in_full_precision


@in_full_precision
def cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy: −log p of the label, averaged over the batch.

    Args:
        logits: (B, K).
        labels: int64 (B,), 0 to K − 1.
        label_smoothing: ε in [0, 1); the targets are (1 − ε) for the label plus ε/K for every class (Szegedy et al.
            2016, section 7).

    Returns:
        A scalar ≥ 0, in nats.

    >>> import torch
    >>> import robustkd as rk
    >>> round(rk.losses.cross_entropy(torch.zeros(1, 2), torch.tensor([0])).item(), 4)  # ln 2
    0.6931
    """
    return F.cross_entropy(logits, labels, label_smoothing=label_smoothing)


@in_full_precision
def kd_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float | Tensor) -> Tensor:
    """T² · KL(teacher ‖ student) at a temperature.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        temperature: T > 0, or that of each image, (B,).

    Returns:
        A scalar, in nats times T².

    >>> import torch
    >>> import robustkd as rk
    >>> logits = torch.tensor([[1.0, 0.0]])
    >>> round(rk.losses.kd_loss(logits, logits, 4.0).item(), 4)
    0.0
    """
    if isinstance(temperature, Tensor):
        scale = temperature[:, None]
        own, wanted = (F.log_softmax(logits / scale, dim=1) for logits in (student_logits, teacher_logits))
        return (scale**2 * F.kl_div(own, wanted, reduction="none", log_target=True)).sum(dim=1).mean()
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * F.kl_div(student, teacher, reduction="batchmean", log_target=True)


@in_full_precision
def feature_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference of two feature maps.

    Args:
        student: (B, C, H, W).
        teacher: (B, C, H', W'); of two sizes, the larger map is average-pooled to the smaller.

    Returns:
        A scalar ≥ 0.

    >>> import torch
    >>> import robustkd as rk
    >>> rk.losses.feature_loss(torch.zeros(1, 2, 2, 2), 3 * torch.ones(1, 2, 2, 2)).item()  # 3²
    9.0
    """
    return F.mse_loss(*to_common_size(student, teacher))
