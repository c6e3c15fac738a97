"""The options of the evaluation of shape bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class ShapeBiasOptions:
    """Which cue conflicts the networks are shown.

    Attributes:
        path: A folder of cue-conflict images named like ``cat4-truck2.png``, shape before texture, as in
            model-vs-human; None for generated ones alone. Only its classes that the data have by name are used.
        images: The number of test images that cue conflicts are generated from, and the largest number of images of the
            folder, drawn with `seed`; None for all.
        seed: The seed of the choice of textures and images, and of the shuffling.
    """

    path: str | None = None
    images: Annotated[int, Field(ge=1)] | None = 1000
    seed: Annotated[int, Field(ge=0)] = 0
