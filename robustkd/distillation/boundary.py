"""Samples just over a model's decision boundary: where `bss` distils.

All shapes are fixed and nothing waits for the device: images that do not qualify are weighted, not left out.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def base_samples(student_logits: Tensor, teacher_logits: Tensor, labels: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Choose the images that boundary samples start from.

    Args:
        student_logits: (B, K).
        teacher_logits: (B, K).
        labels: int64 (B,).
        size: Slots; B where that is fewer.

    Returns:
        Images, int64 (slots,), the most differing first, repeated in turn where fewer qualify; and the weights of the
        slots, (slots,): 1 for an image's first, 0 for its repetitions and where no image qualifies.
    """
    difference = (F.softmax(teacher_logits.float(), dim=1) - F.softmax(student_logits.float(), dim=1)).square()
    score = difference.sum(1) - difference.gather(1, labels[:, None])[:, 0]
    qualifies = (student_logits.argmax(1) == labels) & (teacher_logits.argmax(1) == labels)
    order = torch.where(qualifies, score, -torch.inf).topk(min(size, len(labels))).indices
    slots = torch.arange(len(order), device=labels.device)
    count = qualifies.sum()
    return order[slots % count.clamp(1, len(order))], (slots < count).float()


def draw_targets(logits: Tensor, labels: Tensor) -> Tensor:
    """Draw a class for each image from the prediction without the label.

    Args:
        logits: (B, K).
        labels: int64 (B,).

    Returns:
        int64 (B,), none of them the label.
    """
    # removed from the logits: the probabilities of the others may all underflow to 0
    others = logits.float().scatter(1, labels[:, None], -torch.inf)
    return torch.multinomial(F.softmax(others, dim=1), 1)[:, 0]


def boundary_samples(
    model: nn.Module,
    pixels: Tensor,
    labels: Tensor,
    targets: Tensor,
    *,
    steps: int,
    step_size: float,
    bounds: tuple[Tensor, Tensor],
) -> Tensor:
    """Move correctly classified images just over the decision boundary of a model.

    Args:
        model: Frozen and in evaluation mode.
        pixels: (B, C, H, W).
        labels: int64 (B,), which it predicts.
        targets: int64 (B,), the classes to move towards.
        steps: The number of gradient steps.
        step_size: Step per difference of logits, an L2 norm.
        bounds: The least and the greatest value of a pixel.

    Returns:
        (B, C, H, W), without gradient.
    """
    moved = pixels.detach()
    for _ in range(steps):
        with torch.enable_grad():
            moved.requires_grad_()
            logits = model(moved).float()
            lead = (logits.gather(1, labels[:, None]) - logits.gather(1, targets[:, None]))[:, 0]
            (gradient,) = torch.autograd.grad(-lead.sum(), moved)
        length = torch.where(logits.argmax(1) == labels, step_size * (lead + 1e-4), 0.0).detach()
        direction = F.normalize(gradient.flatten(1)).view_as(gradient)
        moved = (moved.detach() + length[:, None, None, None] * direction).clamp(*bounds)
    return moved
