"""The group of each test image, from a column of a table or from the source of the images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robustkd.errors import DataError, EvaluationError, printable
from robustkd.evaluations.groups.options import GroupsOptions
from robustkd.presentation.numbers import join

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.data.sources.folder.table import Table

INDEX = ("index", "image")
"""The names of the column that tells which test image a row is about."""

NAMED = 5
"""The most groups, images or classes that a sentence names."""

NO_GROUP = -1
"""The group of an image without one."""


def groups_of_images(options: GroupsOptions, data: Dataset) -> tuple[list[str], np.ndarray]:
    """Read the group of each test image.

    Args:
        options: The options of the evaluation.
        data: The data set.

    Returns:
        The names of the groups in alphabetical order, and for each test image the position of its group among them,
        int64 (N,), `NO_GROUP` where it has none.

    Raises:
        DataError: The table does not fit the test images.
        EvaluationError: Fewer than two groups have enough images.
    """
    texts = list(data.test.groups or ()) if options.file is None else _from_table(options, data)
    names = sorted({text for text in texts if text})
    position = {name: index for index, name in enumerate(names)}
    groups = np.array([position.get(text, NO_GROUP) for text in texts], dtype=np.int64)
    sizes = np.bincount(groups[groups != NO_GROUP], minlength=len(names))
    if len(names) < 2:
        found = f"all of one group ({names[0]})" if names else "of no group"
        raise EvaluationError(
            f"groups: the test images are {found}, so there is nothing to compare; name another column"
        )
    if (sizes >= options.min_images).sum() < 2:
        raise EvaluationError(
            f"groups: fewer than two of {len(names)} groups have {options.min_images} test images or more (the largest "
            f"has {sizes.max()}): give more images, larger groups, or a smaller min_images"
        )
    return names, groups


def left_out(
    names: Sequence[str], groups: np.ndarray, labels: np.ndarray, class_names: Sequence[str], min_images: int
) -> tuple[str, ...]:
    """Note which images, groups and classes do not count.

    Args:
        names: The names of the G groups.
        groups: The group of each image, int64 (N,), `NO_GROUP` where it has none.
        labels: The labels of the images, int64 (N,).
        class_names: The names of the K classes.
        min_images: The fewest images of a group that counts.
    """
    notes = []
    without = int((groups == NO_GROUP).sum())
    if without:
        notes.append(f"{without:,} of {len(groups):,} test images have no group and are left out")
    known = groups != NO_GROUP
    small = [name for name, size in zip(names, np.bincount(groups[known]), strict=True) if size < min_images]
    if small:
        notes.append(f"Groups with fewer than {min_images} test images are only listed: {_some(small)}")
    cells = np.bincount(groups[known] * len(class_names) + labels[known], minlength=len(names) * len(class_names))
    compared = (cells.reshape(len(names), -1) >= min_images).sum(axis=0) >= 2
    lone = [name for name, enough in zip(class_names, compared, strict=True) if not enough]
    if lone:
        notes.append(
            f"The equalised odds difference leaves out {len(lone)} of {len(class_names)} classes, which do not have "
            f"{min_images} test images in two groups: {_some(lone)}"
        )
    return tuple(notes)


def _from_table(options: GroupsOptions, data: Dataset) -> list[str]:
    from robustkd.data.sources.folder.table import read_table

    table = read_table(Path(str(options.file)).expanduser())
    columns = [options.column] if isinstance(options.column, str) else list(options.column)
    if not columns:
        raise DataError(f"{table.path}: name the column with the groups as the option column")
    chosen = [str(table.column(name, ())) for name in columns]
    texts = [_joined(chosen, [table.columns[name][row] for name in chosen]) for row in range(_rows(table))]
    images = data.test
    wanted = list(range(len(images))) if images.origins is None else images.origins.tolist()
    row_of = _rows_by_image(table, wanted, whole=images.origins is None)
    missing = [index for index in wanted if index not in row_of]
    if missing:
        raise DataError(
            f"{table.path}: has no row for {len(missing):,} of {len(wanted):,} test images: {_some(missing)} (counted "
            "from 0)"
        )
    return [texts[row_of[index]] for index in wanted]


def _rows_by_image(table: Table, wanted: Sequence[int], whole: bool) -> dict[int, int]:
    """The row of each test image, by the index of the image."""
    name = table.column(None, INDEX)
    count = _rows(table)
    if name is None:
        if count != len(wanted) if whole else count <= max(wanted):
            raise DataError(
                f"{table.path}: has {count:,} rows for {len(wanted) if whole else max(wanted) + 1:,} test images: give "
                "one row for each in order, or a column index"
            )
        return {row: row for row in range(count)}
    row_of: dict[int, int] = {}
    for row, value in enumerate(table.columns[name]):
        index = _index(value)
        if index is None or (whole and index >= len(wanted)):
            last = f" to {len(wanted) - 1}" if whole else ""
            raise DataError(
                f"{table.place(row)}: {name} must be the index of a test image, from 0{last}, got {value!r}"
            )
        if index in row_of:
            raise DataError(f"{table.place(row)}: test image {index} has a row already ({table.place(row_of[index])})")
        row_of[index] = row
    return row_of


def _index(value: Any) -> int | None:
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _rows(table: Table) -> int:
    return len(next(iter(table.columns.values())))


def _joined(names: Sequence[str], values: Sequence[Any]) -> str:
    """The name of a group; empty if a value is missing."""
    texts = ["" if value is None else printable(str(value).strip()) for value in values]
    if not all(texts):
        return ""
    return texts[0] if len(names) == 1 else ", ".join(f"{name} {text}" for name, text in zip(names, texts, strict=True))


def _some(names: Sequence[Any]) -> str:
    shown = [str(name) for name in names[:NAMED]]
    more = len(names) - len(shown)
    return f"{', '.join(shown)} and {more:,} more" if more else join(shown)
