"""The options of the adversarial inheritance evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from robustkd.attacks.attack import CraftingPrecision

Epsilon = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True)
class AdversarialInheritanceOptions:
    """How the sources are attacked.

    Attributes:
        epsilon: The largest change of a pixel, as a fraction of the range [0, 1], at which networks are compared.
        epsilons: Further values of ε for the curve.
        steps: The number of steps of the attack, k; 5 in the paper. Each step changes a pixel by ε/k.
        reverse: Whether attacks are also crafted on every student and baseline, and shown to the teacher.
        images: The number of test images, drawn with `seed`; None for all.
        precision: The precision that adversarial examples are crafted in: ``float32``, ``tf32``, ``bfloat16``, or
            ``auto`` for bfloat16 on CUDA and float32 elsewhere. Whom an example fools is always decided in float32.
        batch_size: The number of images per batch; None for as many as fit the memory of a GPU, and at most 250, fewer
            of large images, elsewhere.
        seed: The seed of the choice of images; the attack draws no random numbers.
    """

    epsilon: Epsilon = 0.031
    epsilons: tuple[Epsilon, ...] = (0.008, 0.016)
    steps: Annotated[int, Field(ge=1)] = 5
    reverse: bool = True
    images: Annotated[int, Field(ge=1)] | None = 1000
    precision: CraftingPrecision = "auto"
    batch_size: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 0
