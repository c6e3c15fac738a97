"""Whether the gradients of a network lead an attack anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.models import PixelModel

NOWHERE = -1
"""The gradient is exactly zero."""

DOWN, UP = 0, 1
"""A step along the gradient does not raise the margin that it is the gradient of, or does."""


MOST_ZERO_GRADIENTS = 0.01
"""The share of images with a zero gradient from which on attacks on the cross-entropy are meaningless."""


def stands_still(zero_gradients: float) -> bool:
    """Return whether so large a share of the images has a zero gradient that gradient attacks are meaningless."""
    return bool(zero_gradients >= MOST_ZERO_GRADIENTS)


def zero_gradients(source: PixelModel, pixels: Tensor, labels: Tensor) -> Tensor:
    """Find the images whose gradient of the cross-entropy with respect to all pixels is exactly zero.

    The mean over the batch is differentiated, as PGD does, so the batch size has a part in what underflows.

    Args:
        source: The network.
        pixels: The images, float32 (B, C, H, W) in [0, 1].
        labels: The labels, int64 (B,).

    Returns:
        bool (B,).
    """
    import torch

    with torch.enable_grad():
        inputs = pixels.clone().requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(source(inputs), labels)
        (gradient,) = torch.autograd.grad(loss, inputs)
    return (gradient.flatten(1) == 0).all(dim=1)


def leads_up(source: PixelModel, pixels: Tensor, labels: Tensor, step: float) -> Tensor:
    """Find out for each image whether a step along the gradient brings the network closer to a mistake.

    The gradient is that of the margin, the largest logit of the other classes minus that of the label, which does not
    vanish where a network is confident. Attacks follow its signs; a network whose gradients are random, or those of
    another function, fails on about half of its images (Athalye, Carlini and Wagner 2018, section 3).

    Args:
        source: The network.
        pixels: The images, float32 (B, C, H, W) in [0, 1].
        labels: The labels, int64 (B,).
        step: The change of each pixel.

    Returns:
        int8 (B,): `UP`, `DOWN`, or `NOWHERE`.
    """
    import torch

    with torch.enable_grad():
        inputs = pixels.clone().requires_grad_(True)
        before = _margin(source(inputs), labels)
        (gradient,) = torch.autograd.grad(before.sum(), inputs)
    with torch.no_grad():
        moved = (pixels + step * gradient.sign()).clamp(0, 1)
        risen = _margin(source(moved), labels) > before.detach()
    vanished = (gradient.flatten(1) == 0).all(dim=1)
    return torch.where(vanished, NOWHERE, risen.to(torch.int8)).to(torch.int8)


def _margin(logits: Tensor, labels: Tensor) -> Tensor:
    own = logits.gather(1, labels[:, None])[:, 0]
    return logits.scatter(1, labels[:, None], -float("inf")).max(dim=1).values - own
