"""The options of the evaluation of out-of-distribution detection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class OodOptions:
    """Which images that belong to no class the networks are shown.

    Attributes:
        sets: The names of near sets, other data sets whose classes the data do not have, such as ``cifar100`` or
            ``folder:PATH``; those of `load_dataset`.
        far_sets: The names of far sets, which look like nothing in the data, such as textures or digits.
        root: The directory of these data sets; by default ``$ROBUSTKD_DATA``, then the user's cache directory.
        images: The number of test images, and the largest number of images of each other set, drawn with `seed`.
        seed: The seed of the noise, of the shuffled patches and of the choice of images.
    """

    sets: tuple[str, ...] = ()
    far_sets: tuple[str, ...] = ()
    root: str | None = None
    images: Annotated[int, Field(ge=1)] | None = 1000
    seed: Annotated[int, Field(ge=0)] = 0
