"""Corrupted images as an alteration."""

from __future__ import annotations

from torch import Tensor

from robustkd.data.alterations.alteration import Alteration
from robustkd.data.corruptions import corrupt


def corrupted(name: str, severity: int, seed: int) -> Alteration:
    """Corrupt each image; see `corruptions.corrupt`.

    Args:
        name: The corruption.
        severity: Its severity, 1 to 5.
        seed: The seed of all random numbers.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        return corrupt(images, name, severity, seed, indices.tolist())

    return Alteration(name, transform, {"severity": severity, "seed": seed})
