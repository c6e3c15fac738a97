"""The options of the decision boundary evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class DecisionBoundaryOptions:
    """Which planes are compared, and where.

    Attributes:
        planes: The number of planes; each goes through three test images, drawn with `seed`.
        resolution: The number of points along each side of a plane.
        margin: By how much a plane reaches beyond the images on each side, as a share of their distance there.
        shown: The number of planes in the picture.
        batch_size: The largest number of points per batch; images of many pixels come in smaller ones.
        seed: The seed of the choice of images.
    """

    planes: Annotated[int, Field(ge=2)] = 50
    resolution: Annotated[int, Field(ge=2)] = 20
    margin: Annotated[float, Field(ge=0)] = 0.1
    shown: Annotated[int, Field(ge=0)] = 5
    batch_size: Annotated[int, Field(ge=1)] = 500
    seed: Annotated[int, Field(ge=0)] = 0
