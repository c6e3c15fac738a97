"""Samples just beyond a model's decision boundary, on which `bss` distils.

All shapes are fixed and nothing waits for the device: images that do not qualify get weight 0 instead of being removed.
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
        size: The number of slots; B if that is smaller.

    Returns:
        The indices of the images, int64 (slots,), those with the largest difference first, repeated in turn if fewer
        qualify; and the weights of the slots, (slots,): 1 for the first slot of an image, 0 for its repetitions, and 0
        everywhere if no image qualifies.
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
    # the label is removed from the logits, because the probabilities of the others may all underflow to 0
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
    by_probability: bool = False,
) -> Tensor:
    """Move correctly classified images just beyond the decision boundary of a model.

    Args:
        model: The model, frozen and in evaluation mode.
        pixels: (B, C, H, W).
        labels: int64 (B,), the classes that the model predicts.
        targets: int64 (B,), the classes to move towards.
        steps: The number of gradient steps.
        step_size: The L2 norm of a step per unit of the difference of the two logits.
        bounds: The smallest and the largest value of a pixel.
        by_probability: Whether the two classes are compared by their probabilities in place of their logits.

    Returns:
        (B, C, H, W), without gradient.
    """
    moved = pixels.detach()
    for _ in range(steps):
        with torch.enable_grad():
            moved.requires_grad_()
            logits = model(moved).float()
            values = F.softmax(logits, dim=1) if by_probability else logits
            lead = (values.gather(1, labels[:, None]) - values.gather(1, targets[:, None]))[:, 0]
            (gradient,) = torch.autograd.grad(-lead.sum(), moved)
        length = torch.where(logits.argmax(1) == labels, step_size * (lead + 1e-4), 0.0).detach()
        direction = F.normalize(gradient.flatten(1)).view_as(gradient)
        moved = (moved.detach() + length[:, None, None, None] * direction).clamp(*bounds)
    return moved
