"""Which class of one data set is which of another, by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import torch

from robustkd.data.image_set import ImageSet
from robustkd.errors import DataError

SYNONYMS = ({"car", "automobile"}, {"ship", "boat"}, {"airplane", "aeroplane", "plane"}, {"bike", "bicycle"})
"""Names that data sets use for the same class."""


def matched(names: Sequence[str], known: Sequence[str]) -> list[int | None]:
    """Find each class among the classes of a data set.

    Case, spaces, hyphens and underscores do not count, and `SYNONYMS` are one name. Names that are all whole numbers
    are the numbers of the classes, if there are no more of them.

    Args:
        names: The names to find.
        known: The names of the classes of the data set.

    Returns:
        For each name the number of its class; None where there is none.
    """
    if _are_numbers(names) and not _are_numbers(known):
        return [int(name) if len(names) <= len(known) and int(name) < len(known) else None for name in names]
    numbers = {_plain(name): number for number, name in reversed(list(enumerate(known)))}
    return [numbers.get(_plain(name)) for name in names]


def with_classes_of(images: ImageSet, like: ImageSet, name: str) -> tuple[ImageSet, tuple[str, ...]]:
    """Give images the class numbers of another set, by the names of the classes.

    Args:
        images: The images.
        like: The set whose classes count.
        name: The name of the images, for messages.

    Returns:
        The images whose class is among those of `like`, with its labels; and notes, each a sentence without its full
        stop, on what was decided or left out.

    Raises:
        DataError: No class of the images is among those of `like`.
    """
    found = matched(images.class_names, like.class_names)
    numbers = torch.tensor([-1 if number is None else number for number in found])
    labels = numbers[images.labels.cpu()]
    kept = torch.nonzero(labels >= 0).flatten()
    if not len(kept):
        raise DataError(f"{name}: none of its classes has a name of the data's classes")
    notes = []
    if _are_numbers(images.class_names) and not _are_numbers(like.class_names):
        notes.append(f"The classes of {name} have no names: their numbers were taken for those of the data")
    if len(kept) < len(labels):
        notes.append(f"{len(labels) - len(kept)} images of {name} are left out: the data have no class of their name")
    subset = images.subset(kept) if len(kept) < len(labels) else images
    return replace(subset, labels=labels[kept].to(subset.labels.device), class_names=like.class_names), tuple(notes)


def _are_numbers(names: Sequence[str]) -> bool:
    return all(re.fullmatch("[0-9]+", name) for name in names)


def _plain(name: str) -> str:
    plain = re.sub(r"[\s_-]+", "", name.casefold())
    return next((min(each) for each in SYNONYMS if plain in each), plain)
