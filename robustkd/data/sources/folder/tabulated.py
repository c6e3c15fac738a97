"""Images whose classes are in a table: a CSV file, or ``metadata.csv`` as Hugging Face's `imagefolder` has it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustkd.data.class_numbers import numbered
from robustkd.data.encoded.assembling import Part
from robustkd.data.sources.folder.files import subfolders
from robustkd.data.sources.folder.layout import SPLITS
from robustkd.data.sources.folder.options import FolderOptions
from robustkd.data.sources.folder.table import FILE, GROUP, LABEL, SPLIT, SUFFIXES, Table, read_table
from robustkd.errors import DataError, printable


@dataclass(frozen=True)
class Tabulated:
    """The images of a table.

    Attributes:
        class_names: The names of the classes, in the order of their numbers.
        train: The training images; None if there are none.
        test: The test images.
        remarks: Sentences on what was decided.
    """

    class_names: tuple[str, ...]
    train: Part | None
    test: Part
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    place: str
    file: Path
    label: Any
    part: str
    group: str


def find_tables(folder: Path, options: FolderOptions) -> tuple[list[tuple[Table, str | None]], tuple[str, ...]]:
    """Find ``metadata.csv``, ``.jsonl`` or ``.parquet`` in a folder, or in the folders of its parts.

    Returns:
        The tables that have labels, each with the part that its folder stands for, and a sentence on others.
    """
    parts = {name: _part(name) for name in subfolders(folder) if _part(name)}
    places = [(folder, None), *((folder / name, part) for name, part in parts.items())]
    files = [(place / f"metadata{suffix}", part) for place, part in places for suffix in SUFFIXES]
    tables = [(read_table(file), part) for file, part in files if file.is_file()]
    labelled = [each for each in tables if each[0].column(options.label, LABEL) is not None]
    without = [table.path for table, _ in tables if table.column(options.label, LABEL) is None]
    said = _not_of(without) if without else ()
    return labelled, said


def _not_of(tables: Sequence[Path]) -> tuple[str, ...]:
    named = printable(str(tables[0]))
    return (f"{named} has no column for the classes (@label=COLUMN names one): they are those of the folders",)


def read_tables(tables: Sequence[tuple[Table, str | None]], options: FolderOptions) -> Tabulated:
    """Interpret the columns of tables.

    Args:
        tables: The tables, each with the part that its folder stands for, if any.
        options: The names of the columns, and the order of the classes.

    Returns:
        The images of each part, and their labels.

    Raises:
        DataError: A column is missing, or a value is not valid; the message names its line.
    """
    rows = [row for table, part in tables for row in _rows(table, part, options)]
    by_part = {part: [row for row in rows if row.part == part] for part in SPLITS}
    where = tables[0][0].path
    test, said = _test_rows(where, by_part)
    train = by_part["train"]
    both = [*train, *test]
    found = numbered([row.label for row in both], len(train), lambda index: both[index].place, options.order)
    learned = Part([row.file for row in train], found.labels[: len(train)], _groups(train))
    judged = Part([row.file for row in test], found.labels[len(train) :], _groups(test))
    remarks = (
        f"the classes are those of {printable(where.name)}",
        *found.remarks,
        *said,
        *_shared_groups(train, test),
    )
    return Tabulated(found.names, learned if train else None, judged, remarks)


def _rows(table: Table, part: str | None, options: FolderOptions) -> list[_Row]:
    named = {
        "file": table.column(options.file, FILE),
        "label": table.column(options.label, LABEL),
        "split": table.column(options.split, SPLIT),
        "group": table.column(options.group, GROUP),
    }
    for what, held in (("file", "files"), ("label", "classes")):
        if named[what] is None:
            columns = ", ".join(map(repr, table.columns))
            raise DataError(
                f"{table.path}: no column is known to hold the {held} (columns: {columns}): add @{what}=COLUMN to "
                "the path"
            )
    files, labels = table.columns[str(named["file"])], table.columns[str(named["label"])]
    splits = table.columns[named["split"]] if named["split"] else None
    groups = table.columns[named["group"]] if named["group"] else None
    rows = []
    for index, file in enumerate(files):
        place = table.place(index)
        if not isinstance(file, str) or not file.strip():
            raise DataError(f"{place}: has no file")
        own = _split(splits[index], place) if splits is not None else part or ""
        group = "" if groups is None or groups[index] is None else str(groups[index])
        rows.append(_Row(place, table.path.parent / file, labels[index], own, group))
    if splits is None and part is None:
        return _in_parts_by_folder(rows, files)
    return rows


def _in_parts_by_folder(rows: Sequence[_Row], files: Sequence[str]) -> list[_Row]:
    """Take the first folder of each file for its part, if those of all are parts; else all are for testing."""
    parts = [_part(Path(file).parts[0]) if len(Path(file).parts) > 1 else "" for file in files]
    known = parts if all(parts) else ["test"] * len(rows)
    return [_Row(row.place, row.file, row.label, part, row.group) for row, part in zip(rows, known, strict=True)]


def _part(name: str) -> str:
    return next((part for part, names in SPLITS.items() if name.lower() in names), "")


def _split(value: Any, place: str) -> str:
    part = _part(str(value).strip())
    if not part:
        known = ", ".join(name for names in SPLITS.values() for name in names)
        raise DataError(f"{place}: {value!r} is no part of a data set: must be one of {known}")
    return part


def _test_rows(where: Path, by_part: dict[str, list[_Row]]) -> tuple[list[_Row], tuple[str, ...]]:
    test, val = by_part["test"], by_part["val"]
    if test:
        return test, ("the validation part is not used: the test images are those of the test part",) if val else ()
    if val:
        return val, ("there is no test part: the validation part is taken for the test images",)
    raise DataError(f"{where}: all images are of the training part: mark those to evaluate on as test")


def _groups(rows: Sequence[_Row]) -> list[str] | None:
    return [row.group for row in rows] if any(row.group for row in rows) else None


def _shared_groups(train: Sequence[_Row], test: Sequence[_Row]) -> tuple[str, ...]:
    """A remark where images of one group, such as a patient, are in both parts."""
    known = {row.group for row in train if row.group}
    shared = Counter(row.group for row in test if row.group in known)
    if not shared:
        return ()
    groups = len({row.group for row in test if row.group})
    images = sum(shared.values())
    first = printable(", ".join(list(shared)[:3]))
    return (
        f"{len(shared):,} of {groups:,} groups of the test images ({first}), with {images:,} of {len(test):,} images, "
        "are in the training images too: what is measured on them may be memorized",
    )
