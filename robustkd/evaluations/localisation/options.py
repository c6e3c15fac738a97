"""The options of the localisation evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class LocalisationOptions:
    """Which maps are compared.

    Attributes:
        images: The number of test images, drawn with `seed`; None for all.
        grid: The number of rows and of columns that the maps of all networks are brought to; a ResNet for CIFAR has
            maps of 8 × 8.
        deletion_images: The number of these images, spread evenly, on which deletion checks the maps.
        deletion_steps: The number of steps in which an image is deleted.
        shown: The number of images in the picture.
        batch_size: The largest number of images per batch; images of many pixels come in smaller ones.
        seed: The seed of the choice of images, of the random orders of deletion, and of the images that are exchanged
            to measure chance.
    """

    images: Annotated[int, Field(ge=2)] | None = 1000
    grid: Annotated[int, Field(ge=2)] = 8
    deletion_images: Annotated[int, Field(ge=2)] = 50
    deletion_steps: Annotated[int, Field(ge=2)] = 8
    shown: Annotated[int, Field(ge=0)] = 6
    batch_size: Annotated[int, Field(ge=1)] = 250
    seed: Annotated[int, Field(ge=0)] = 0
