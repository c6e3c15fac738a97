"""Tables of files and labels: CSV, TSV, JSON Lines and Parquet."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustkd.errors import DataError, nearest
from robustkd.regular_file import why_not_a_file

SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")

FILE = ("file_name", "file", "filename", "path", "image")
LABEL = ("label", "class", "target")
SPLIT = ("split",)
GROUP = ("group",)
"""The names of columns that are known, in lower case, the most usual first."""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        path: The file that holds it.
        columns: The values of each column: texts, or what JSON and Parquet hold.
        first_row: The line of the file with the first row.
    """

    path: Path
    columns: Mapping[str, Sequence[Any]]
    first_row: int

    def column(self, given: str | None, known: Sequence[str]) -> str | None:
        """Find a column.

        Args:
            given: Its name, if the user gave one.
            known: The names that are looked for otherwise.

        Returns:
            The name of the column; None if there is none of the known ones.

        Raises:
            DataError: There is no column of the given name.
        """
        if given is not None and given not in self.columns:
            raise DataError(f"{self.path}: has no column {given!r}: {nearest(given, self.columns)}")
        lower = {name.strip().lower(): name for name in reversed(list(self.columns))}
        return given or next((lower[name] for name in known if name in lower), None)

    def place(self, row: int) -> str:
        """Return the file and the line of a row, counted from 0."""
        return f"{self.path}:{self.first_row + row}"


def read_table(path: Path) -> Table:
    """Read a table; its suffix tells its format.

    Raises:
        DataError: The file is no such table, or has no rows.
    """
    if problem := why_not_a_file(path):
        raise DataError(f"{path}: {problem}")
    try:
        table = _READERS[path.suffix.lower()](path)
    except DataError:
        raise
    except Exception as error:  # a damaged file gives errors of many kinds
        raise DataError(f"{path}: not a readable table ({(str(error).splitlines() or [''])[0]})") from error
    if not any(map(len, table.columns.values())):
        raise DataError(f"{path}: has no rows")
    return table


def _read_csv(path: Path) -> Table:
    """Read texts separated by tabs, or by the commas or semicolons that the first line has more of."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        file.seek(0)
        separator = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=head.count)
        lines = csv.reader(file, delimiter=separator)
        names = next(lines, [])
        if repeated := [name for name in names if names.count(name) > 1]:
            raise DataError(f"{path}: has two columns {repeated[0]!r}")
        rows = []
        for row in lines:
            if not row:
                continue
            if len(row) != len(names):
                raise DataError(f"{path}:{lines.line_num}: has {len(row)} values for {len(names)} columns")
            rows.append(row)
    return Table(path, {name: [row[index] for row in rows] for index, name in enumerate(names)}, 2)


def _read_json_lines(path: Path) -> Table:
    rows = []
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}:{number}: not valid JSON ({error})") from error
            if not isinstance(row, dict):
                raise DataError(f'{path}:{number}: must be an object such as {{"file_name": …, "label": …}}')
            rows.append(row)
    names = dict.fromkeys(name for row in rows for name in row)
    return Table(path, {name: [row.get(name) for row in rows] for name in names}, 1)


def _read_parquet(path: Path) -> Table:
    from pyarrow import parquet

    return Table(path, parquet.read_table(path).to_pydict(), 1)


_READERS = {".csv": _read_csv, ".tsv": _read_csv, ".jsonl": _read_json_lines, ".parquet": _read_parquet}
