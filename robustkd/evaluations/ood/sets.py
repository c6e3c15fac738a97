"""The images that belong to no class: generated from the test images, or those of other data sets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robustkd.errors import DataError
from robustkd.evaluations.ood.options import OodOptions

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet

GENERATED = " (generated)"
"""Marks a set that is made of the test images."""

BLUR = 2.0
"""The standard deviation of the blur, in pixels of an image of 32 × 32."""


@dataclass(frozen=True, eq=False)
class OutsideSet:
    """Images that belong to no class of the data.

    Attributes:
        name: The name as results show it.
        near: Whether they resemble the test images.
        generated: Whether each is made of the test image at the same place.
        images: The images.
        notes: What was left out of the set.
    """

    name: str
    near: bool
    generated: bool
    images: ImageSet
    notes: tuple[str, ...] = ()


def outside_sets(options: OodOptions, test: ImageSet, places: Tensor) -> Iterator[OutsideSet | str]:
    """Yield the sets one by one, so that only one is in memory.

    Args:
        options: The options.
        test: The test images.
        places: The indices of the test images that are used, int64 (N,).

    Yields:
        A set; or why one is left out, a sentence without its full stop.
    """
    from robustkd.data.alterations.alteration import altered
    from robustkd.data.alterations.blur import blur
    from robustkd.data.alterations.noise import gaussian_noise, uniform_noise
    from robustkd.data.alterations.patches import patch_shuffled

    used, seed = test.subset(places), options.seed
    made = [
        (True, blur(BLUR)),
        (True, patch_shuffled(seed)),
        (False, uniform_noise(seed)),
        (False, gaussian_noise(seed)),
    ]
    for near, alteration in made:
        yield OutsideSet(alteration.name + GENERATED, near, True, altered(used, alteration, places))
    named = [(name, True) for name in options.sets] + [(name, False) for name in options.far_sets]
    for name, near in dict(named).items():
        yield _named(name, near, options, test)


def _named(name: str, near: bool, options: OodOptions, test: ImageSet) -> OutsideSet | str:
    from robustkd.data.other_sets import other_set

    try:
        found = other_set(name, test, options.root)
    except DataError as error:
        return f"Left out as an out-of-distribution set: {error}"
    chosen = found.images.sample_indices(options.images, options.seed)
    return OutsideSet(name, near, False, found.images.subset(chosen), found.notes)
