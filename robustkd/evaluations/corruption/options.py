"""The options of the corruption evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from robustkd.errors import EvaluationError, nearest

Severity = Annotated[int, Field(ge=1, le=5)]


@dataclass(frozen=True)
class CorruptionOptions:
    """Which corruptions are applied, and where the corrupted images come from.

    Attributes:
        path: A folder of ``<corruption>.npy``, uint8 (5·N, H, W, C) with the severities one after the other, and
            ``labels.npy``, as CIFAR-10-C is released; None to generate the images.
        corruptions: The names of the corruptions; empty for those of the benchmark's fifteen that can be generated
            from these images, or that are in `path`. Others, such as the four extra corruptions of the release, must
            be named.
        frost_images: A folder of photographs of frost, from which random parts are shown in front of the images; None
            for generated textures.
        severities: The severities, from 1 to 5.
        images: The number of test images, drawn with `seed`; None for all.
        batch_size: The largest number of images per batch; images of many pixels come in smaller ones.
        seed: The seed of the corruptions and of the choice of images.

    Raises:
        EvaluationError: There is no such corruption.
    """

    path: str | None = None
    corruptions: tuple[str, ...] = ()
    frost_images: str | None = None
    severities: Annotated[tuple[Severity, ...], Field(min_length=1)] = (1, 2, 3, 4, 5)
    images: Annotated[int, Field(ge=1)] | None = 500
    batch_size: Annotated[int, Field(ge=1)] = 500
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.path is not None or not self.corruptions:
            return
        from robustkd.data.corruptions import CORRUPTIONS

        for name in self.corruptions:
            if name not in CORRUPTIONS:
                raise EvaluationError(f"corruption: unknown corruption {name!r}: {nearest(name, CORRUPTIONS)}")
