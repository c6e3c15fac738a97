"""The options of the similarity evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class SimilarityOptions:
    """Which images are compared.

    Attributes:
        images: The number of test images, drawn with `seed`; None for all.
        neighbours: The number of nearest neighbours of an image.
        batch_size: The largest number of images per batch; images of many pixels come in smaller ones.
        seed: The seed of the choice of images, and of the images whose features are exchanged to measure chance.
    """

    images: Annotated[int, Field(ge=4)] | None = 1000
    neighbours: Annotated[int, Field(ge=1)] = 10
    batch_size: Annotated[int, Field(ge=1)] = 250
    seed: Annotated[int, Field(ge=0)] = 0
