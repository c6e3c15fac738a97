"""The versions of the data that no network was trained on: generated from the test images, or the user's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robustkd.errors import DataError
from robustkd.evaluations.domains.options import DomainsOptions

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet
    from robustkd.data.alterations.alteration import Alteration

GENERATED = " (generated)"
"""Marks a version that is made of the test images."""


@dataclass(frozen=True, eq=False)
class Version:
    """Images of the data's classes that look otherwise.

    Attributes:
        name: The name as results show it.
        generated: Whether each is made of the test image at the same place.
        images: The images, labelled with the data's classes.
        notes: What was decided or left out.
    """

    name: str
    generated: bool
    images: ImageSet
    notes: tuple[str, ...] = ()


def versions(options: DomainsOptions, test: ImageSet, places: Tensor) -> Iterator[Version | str]:
    """Yield the versions one by one, so that only one is in memory.

    Args:
        options: The options.
        test: The test images.
        places: The indices of the test images that are used, int64 (N,).

    Yields:
        A version; or why one is left out, a sentence without its full stop.
    """
    from robustkd.data.alterations.alteration import altered

    used = test.subset(places)
    for made in _alterations(options, test):
        if isinstance(made, str):
            yield made
        else:
            yield Version(made.name.replace("_", " ") + GENERATED, True, altered(used, made, places))
    for name in dict.fromkeys(options.sets):
        yield _named(name, options, test)


def _alterations(options: DomainsOptions, test: ImageSet) -> Iterator[Alteration | str]:
    from robustkd.data.alterations.corrupted import corrupted
    from robustkd.data.alterations.outlines import edges, grey, silhouettes
    from robustkd.data.alterations.textures import partners, texture_swapped
    from robustkd.data.corruptions import impossible

    for name in options.corruptions:
        reason = impossible(name, test.shape)
        yield f"{name} is left out: {reason}" if reason else corrupted(name, options.severity, options.seed)
    if test.shape[0] == 3:
        yield grey()
    yield edges()
    yield silhouettes()
    try:
        yield texture_swapped(test, partners(test, options.seed), options.seed)
    except DataError as error:
        yield f"The texture swap is left out: {error}"


def _named(name: str, options: DomainsOptions, test: ImageSet) -> Version | str:
    from robustkd.data.class_matching import with_classes_of
    from robustkd.data.other_sets import other_set

    try:
        found = other_set(name, test, options.root)
        images, notes = with_classes_of(found.images, test, name)
    except DataError as error:
        return f"Left out as an unseen version: {error}"
    chosen = images.sample_indices(options.images, options.seed)
    return Version(name, False, images.subset(chosen), (*found.notes, *notes))
