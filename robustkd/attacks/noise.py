"""Random noise of the size of an attack: what such a change does to a network without any intention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robustkd.attacks.attack import Attack

if TYPE_CHECKING:
    from torch import Tensor

STREAM = 1
"""The stream of each image's random numbers that the noise is drawn from; attacks draw from the first."""


def with_noise(attack: Attack, pixels: Tensor, images: list[int], seed: int) -> Tensor:
    """Add noise as large as an attack may be: ε of a random sign to every value, or in L2 a random direction of size ε.

    Args:
        attack: The attack, which has an ε.
        pixels: The images, float32 (B, C, H, W) in [0, 1].
        images: The index of each image in its data set; the noise depends on it and the seed alone.
        seed: The seed.

    Returns:
        float32 (B, C, H, W) in [0, 1].
    """
    import torch

    from robustkd.data.image_random import image_generators

    shape = tuple(pixels.shape[1:])
    drawn = np.stack([each.standard_normal(shape, dtype=np.float32) for each in image_generators(seed, images, STREAM)])
    noise = torch.from_numpy(drawn).to(pixels.device)
    if attack.norm == "L2":
        noise = noise / noise.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
    else:
        noise = torch.where(noise > 0, 1.0, -1.0)
    return (pixels + (attack.epsilon or 0.0) * noise).clamp(0, 1)
