"""The options of membership inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class MembershipOptions:
    """Which images are told apart.

    Attributes:
        images: The largest number of images that only the teacher saw, and of test images, drawn with `seed`; None for
            all.
        false_positives: The false positive rate at which the true positive rate is measured.
        seed: The seed of the draw of images.
    """

    images: Annotated[int, Field(ge=1)] | None = 5_000
    false_positives: Annotated[float, Field(gt=0, lt=1)] = 0.001
    seed: Annotated[int, Field(ge=0)] = 0
