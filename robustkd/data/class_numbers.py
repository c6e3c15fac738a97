"""From the labels of single images, as a table or an archive has them, to numbered classes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from robustkd.data.class_order import ordered
from robustkd.errors import DataError

MOST_CLASSES = 100_000
"""A number of classes that no label implies by itself, so that a number of another meaning is noticed."""


@dataclass(frozen=True)
class NumberedClasses:
    """The classes of a data set.

    Attributes:
        names: Their names, in the order of their numbers.
        labels: The number of the class of each image.
        remarks: A sentence if the order of the classes is not obvious.
    """

    names: tuple[str, ...]
    labels: list[int]
    remarks: tuple[str, ...]


def numbered(
    labels: Sequence[Any],
    trained: int,
    place: Callable[[int], str],
    order: Literal["name", "natural"] | None = None,
) -> NumberedClasses:
    """Number the classes of images.

    Labels that are all whole numbers are the numbers of the classes, so that a class without images shifts no other.
    All others are names.

    Args:
        labels: The labels of the training images, then those of the test images.
        trained: The number of training images.
        place: Where the label of an image comes from, for messages.
        order: The order of the names; see `ordered`.

    Returns:
        The classes.

    Raises:
        DataError: A label is missing, is no class, or is not among those of the training images.
    """
    texts = [_text(label, place, index) for index, label in enumerate(labels)]
    if all(re.fullmatch(r"-?[0-9]+", text) for text in texts):
        numbers = [int(text) for text in texts]
        for index, number in enumerate(numbers):
            if not 0 <= number < MOST_CLASSES:
                why = "-1 often marks images without a label" if number < 0 else "it seems to be no class"
                raise DataError(f"{place(index)}: label {number} is out of range: labels count from 0; {why}")
        return NumberedClasses(tuple(map(str, range(max(numbers) + 1))), numbers, ())
    names, said = ordered(list(dict.fromkeys(texts)), order)
    learned = set(texts[:trained])
    for index, text in enumerate(texts):
        if trained and text not in learned:
            raise DataError(f"{place(index)}: class {text!r} is not among those of the training images")
    number_of = {name: number for number, name in enumerate(names)}
    return NumberedClasses(names, [number_of[text] for text in texts], said)


def _text(label: Any, place: Callable[[int], str], index: int) -> str:
    if label is None or label == "":
        raise DataError(f"{place(index)}: has no label")
    if not isinstance(label, str | int) or isinstance(label, bool):
        raise DataError(f"{place(index)}: a label must be a text or a whole number, got {label!r}")
    return str(label).strip()
