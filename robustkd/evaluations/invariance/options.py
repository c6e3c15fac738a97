"""The options of the evaluation of invariances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from robustkd.errors import EvaluationError

Positive = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class InvarianceOptions:
    """Which changes of an image the networks are shown, and how strong they are.

    Attributes:
        colour: The strengths of the colour jitter: brightness, contrast and saturation change by at most so much, the
            hue by half as much of the circle; empty to leave it out, as for all kinds.
        crop: The shares of the area that two random crops keep, as in Ojha et al. 2023.
        shift: The shifts along each axis, in pixels of the test images.
        rotation: The angles of the rotations, in degrees.
        blur: The standard deviations of the blur, in pixels of an image of 32 × 32.
        images: The number of test images, drawn with `seed`; None for all.
        seed: The seed of all draws and of the choice of images.

    Raises:
        EvaluationError: There is no change at all.
    """

    colour: tuple[Positive, ...] = (0.1, 0.2, 0.3, 0.4)
    crop: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.9, 0.6, 0.3)
    shift: tuple[Annotated[int, Field(ge=1)], ...] = (1, 2, 4)
    rotation: tuple[Positive, ...] = (5.0, 15.0, 30.0)
    blur: tuple[Positive, ...] = (0.5, 0.75, 1.0)
    images: Annotated[int, Field(ge=1)] | None = 1000
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if not any((self.colour, self.crop, self.shift, self.rotation, self.blur)):
            raise EvaluationError("invariance: no change of the images is left: give at least one strength of one kind")
