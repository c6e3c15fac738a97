"""Adversarial examples as an image file stores them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from robustkd.attacks.attack import Attack

if TYPE_CHECKING:
    from torch import Tensor

_ROUNDING = 1e-4
"""The rounding error of a level between 0 and 255 in float32."""


def in_eight_bit(attack: Attack, examples: Tensor, pixels: Tensor) -> Tensor:
    """Round adversarial examples to 256 levels, and keep them within the ball of the attack.

    In L∞ each value takes the nearest level that ε allows. In other norms the change of each value is rounded towards
    0, which makes no norm larger.

    Args:
        attack: The attack that made them.
        examples: The adversarial examples, float32 (B, C, H, W) in [0, 1].
        pixels: The clean images, of the same shape, each value one of 256 levels.

    Returns:
        float32 (B, C, H, W), each value k/255.
    """
    clean = (pixels * 255).round()
    change = examples * 255 - clean
    if attack.norm == "Linf" and attack.epsilon is not None:
        most = math.floor(attack.epsilon * 255 + _ROUNDING)
        change = change.round().clamp(-most, most)
    else:
        change = (change + _ROUNDING * change.sign()).trunc()
    return (clean + change).clamp(0, 255) / 255
