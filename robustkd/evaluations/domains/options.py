"""The options of the evaluation on unseen versions of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from robustkd.errors import EvaluationError, nearest


@dataclass(frozen=True)
class DomainsOptions:
    """Which versions of the data the networks are shown.

    Attributes:
        sets: The names of other versions of the same classes, such as ``npz:cifar10.1.npz`` or ``folder:PATH``, as for
            `load_dataset`. Classes are matched by their names; classes without names by their numbers.
        corruptions: The corruptions that are generated.
        severity: The severity of these corruptions, from 1 to 5.
        root: The directory of the named sets; by default ``$ROBUSTKD_DATA``, then the user's cache directory.
        images: The number of test images, and the largest number of images of each named set, drawn with `seed`; None
            for all.
        seed: The seed of the corruptions, of the textures and of the choice of images.

    Raises:
        EvaluationError: A corruption cannot be generated.
    """

    sets: tuple[str, ...] = ()
    corruptions: tuple[str, ...] = ("gaussian_noise", "defocus_blur", "contrast", "jpeg_compression")
    severity: Annotated[int, Field(ge=1, le=5)] = 3
    root: str | None = None
    images: Annotated[int, Field(ge=1)] | None = 1000
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if self.corruptions == DomainsOptions.corruptions:
            return
        from robustkd.data.corruptions import CORRUPTIONS

        for name in self.corruptions:
            if name not in CORRUPTIONS:
                raise EvaluationError(f"domains: unknown corruption {name!r}: {nearest(name, CORRUPTIONS)}")
