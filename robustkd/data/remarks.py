"""What a reader of results must know about a data set, whatever its source, in sentences."""

import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from robustkd.data.dataset import Dataset
from robustkd.data.duplicates import copies_in_test, copies_in_training
from robustkd.data.image_set import ImageSet
from robustkd.errors import printable

SHOWN = 3
"""The number of classes that a sentence names."""
LONGEST = 60
"""The characters of a class name that are shown."""


def with_remarks(data: Dataset) -> Dataset:
    """Add to a data set's remarks what its labels and images show.

    Args:
        data: The data set.

    Returns:
        The data set; each remark occurs once, however often this function is called.
    """
    return replace(data, remarks=tuple(dict.fromkeys((*data.remarks, *_label_remarks(data), *_copy_remarks(data)))))


def print_remarks(data: Dataset) -> None:
    """Print each remark on a line of its own on standard error."""
    for remark in data.remarks:
        print(printable(f"{data.name}: {remark}"), file=sys.stderr, flush=True)


def _label_remarks(data: Dataset) -> list[str]:
    sets = [images for images in (data.train, data.test) if images is not None]
    classes = data.num_classes
    counts = sum(images.labels.cpu().bincount(minlength=classes) for images in sets).tolist()  # type: ignore[union-attr]
    empty = [index for index in range(classes) if counts[index] == 0]
    remarks = _repeated_names(data.test.class_names)
    numbered = data.test.class_names == tuple(map(str, range(classes)))
    if empty == [0] and numbered and classes > 2:
        return [
            *remarks,
            f"no image has label 0, and labels go up to {classes - 1}: if they count from 1, subtract 1 from them",
        ]
    if numbered and len(empty) > classes / 2 and counts[-1]:
        highest = classes - 1
        return [
            *remarks,
            f"labels go up to {highest}, but {len(empty):,} of the {classes:,} classes have no image; label {highest} "
            f"occurs {_times(counts[highest])}: if it marks images without a label, remove these images",
        ]
    if empty:
        remarks.append(f"{_classes(empty, data)} neither training nor test images" if data.train else "")
    for images, what in ((data.train, "training"), (data.test, "test")):
        remarks += _lacking(images, what, data, set(empty) if data.train else set())
    return [remark for remark in remarks if remark]


def _lacking(images: ImageSet | None, what: str, data: Dataset, known: set[int]) -> list[str]:
    if images is None:
        return []
    held = images.labels.cpu().bincount(minlength=data.num_classes).tolist()
    missing = [index for index, count in enumerate(held) if count == 0 and index not in known]
    return [f"{_classes(missing, data)} no {what} images"] if missing else []


def _repeated_names(names: Sequence[str]) -> list[str]:
    counts = Counter(unicodedata.normalize("NFC", name) for name in names)
    repeated = [name for name, count in counts.items() if count > 1]
    if not repeated:
        return []
    numbers = [index for index, name in enumerate(names) if unicodedata.normalize("NFC", name) == repeated[0]]
    return [f"classes {_and(list(map(str, numbers)))} have the same name, {_short(repeated[0])}"]


def _copy_remarks(data: Dataset) -> list[str]:
    remarks = []
    count = f"{len(data.test):,} test image{'' if len(data.test) == 1 else 's'}"
    if data.train is not None and (copies := copies_in_training(data.train, data.test)):
        index, original = copies[0]
        are = "is an exact copy of a training image" if len(copies) == 1 else "are exact copies of training images"
        first = f"{_image(data.test, index, 'test')} is {_image(data.train, original, 'training')}"
        remarks.append(f"{len(copies):,} of {count} {are}{_contradictions(copies, data.test, data.train)}: {first}")
    if copies := copies_in_test(data.test):
        index, original = copies[0]
        are = "is an exact copy of another test image" if len(copies) == 1 else "are exact copies of other test images"
        first = f"{_image(data.test, index, 'test')} is {_image(data.test, original, 'test')}"
        remarks.append(f"{len(copies):,} of {count} {are}{_contradictions(copies, data.test, data.test)}: {first}")
    return remarks


def _contradictions(copies: Sequence[tuple[int, int]], images: ImageSet, originals: ImageSet) -> str:
    others = sum(int(images.labels[index]) != int(originals.labels[original]) for index, original in copies)
    return f", {others:,} of them with another label" if others else ""


def _image(images: ImageSet, index: int, what: str) -> str:
    named = getattr(images.images, "name", None)
    return f"{what} image {printable(named(index)) if callable(named) else index}"


def _classes(indices: Sequence[int], data: Dataset) -> str:
    """``2 of 12 classes (a, b) have``."""
    named = ", ".join(_short(data.test.class_names[index]) for index in indices[:SHOWN])
    more = f" and {len(indices) - SHOWN:,} more" if len(indices) > SHOWN else ""
    return f"{len(indices):,} of {data.num_classes:,} classes ({named}{more}) {'has' if len(indices) == 1 else 'have'}"


def _short(name: str) -> str:
    return printable(name if len(name) <= LONGEST else name[: LONGEST - 1] + "…")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
