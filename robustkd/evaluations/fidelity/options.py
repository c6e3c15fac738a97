"""The options of the fidelity evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field


@dataclass(frozen=True)
class FidelityOptions:
    """The images besides the test images on which predictions are compared.

    Attributes:
        train_images: The number of training images, drawn with `seed`; 0 for none.
        sets: The names of further data sets, such as ``cifar100`` or ``folder:PATH``; those of `load_dataset`. Their
            labels are not used.
        root: The directory of these data sets; by default ``$ROBUSTKD_DATA``, then the user's cache directory.
        images: The largest number of images of each further data set, drawn with `seed`.
        seed: The seed of the draws of images.
    """

    train_images: Annotated[int, Field(ge=0)] = 1000
    sets: tuple[str, ...] = ()
    root: str | None = None
    images: Annotated[int, Field(ge=1)] | None = 1000
    seed: Annotated[int, Field(ge=0)] = 0
