"""Results on disk: the tidy table, the records behind it, and how they were obtained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from robustkd.atomic import atomic_path, write_text
from robustkd.errors import StudyError
from robustkd.results.records import Check, Records, checks_and_notes, json_text
from robustkd.results.result import PartResult, Result
from robustkd.results.tidy import COLUMNS

T = TypeVar("T")


def save_result(
    evaluation: str,
    settings: dict[str, Any],
    parts: Sequence[PartResult],
    frames: Sequence[pd.DataFrame],
    folder: Path,
) -> Result:
    """Join the parts of a study in one table and write it.

    Args:
        evaluation: The name of the evaluation.
        settings: Evaluation, version, options.
        parts: The parts, at least one; their records are on disk already.
        frames: The tidy results of each part.
        folder: The folder for ``<evaluation>.csv``, ``.parquet`` and, written last, ``.json``.

    Returns:
        The result.
    """
    labelled = [
        frame.assign(group=part.architecture, condition=part.condition)
        for part, frame in zip(parts, frames, strict=True)
    ]
    whole = pd.concat(labelled, ignore_index=True) if len(labelled) > 1 else labelled[0]
    frame = whole.astype(COLUMNS)[list(COLUMNS)]
    csv, parquet, about = (folder / f"{evaluation}.{suffix}" for suffix in ("csv", "parquet", "json"))
    about.unlink(missing_ok=True)
    with atomic_path(csv) as partial:
        frame.to_csv(partial, index=False, lineterminator="\n")
    with atomic_path(parquet) as partial:
        frame.to_parquet(partial, index=False)
    listed = [_described(part) for part in parts]
    digests = {table.suffix: file_digest(table) for table in (csv, parquet)}
    write_text(about, json_text({"settings": settings, "parts": listed, "sha256": digests}))
    checks = [check for part in parts for check in _checks(part.records.checks, part.condition, part.architecture)]
    notes = [note for part in parts for note in _notes(part.records.notes, part.condition)]
    return Result(evaluation, frame, tuple(checks), settings, tuple(dict.fromkeys(notes)))


def load_results(folder: Path) -> list[Result]:
    """Read all results of a run.

    Args:
        folder: ``RUN/results``.

    Returns:
        One result per evaluation, sorted by name.

    Raises:
        StudyError: There are no results, a file is damaged, or another version of robustkd wrote it.
    """
    return list(_each(folder, _load).values())


def load_readable(folder: Path, evaluations: Sequence[str]) -> tuple[list[Result], dict[str, str]]:
    """Read the results of a run as far as they can be read.

    Args:
        folder: ``RUN/results``.
        evaluations: The names of the evaluations that the run asked.

    Returns:
        The results in that order, and for each evaluation that cannot be read, why.

    Raises:
        StudyError: None of them can be read.
    """
    found: list[Result] = []
    damaged: dict[str, str] = {}
    for name in evaluations:
        try:
            found.append(_read(folder / f"{name}.json", _load))
        except StudyError as error:
            damaged[name] = str(error)
    if not found:
        raise StudyError(next(iter(damaged.values()), f"{folder}: there are no results"))
    return found, damaged


@dataclass(frozen=True)
class PartRecords:
    """The stored records of one part of a study.

    Attributes:
        title: The architecture of the students and the condition.
        records: The records.
    """

    title: str
    records: Records


def load_records(folder: Path, evaluation: str) -> list[PartRecords]:
    """Read the records of an evaluation, part by part.

    Args:
        folder: ``RUN/results``.
        evaluation: The name of the evaluation.

    Raises:
        StudyError: A file is missing or damaged.
    """
    return _read(folder / f"{evaluation}.json", _records)


def _records(about: Path) -> list[PartRecords]:
    parts = json.loads(about.read_text(encoding="utf-8"))["parts"]
    return [
        PartRecords(
            ", ".join(filter(None, (part["architecture"], part["condition"]))),
            Records.load(about.parent / part["records"]),
        )
        for part in parts
    ]


def load_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the tables of all results of a run, which another version of robustkd may have written.

    Args:
        folder: ``RUN/results``.

    Returns:
        The tidy results by evaluation, sorted by name; columns that a version does not have are empty.

    Raises:
        StudyError: There are no results, or a file is damaged.
    """
    return _each(folder, lambda path: _table(path).reindex(columns=list(COLUMNS)).astype(COLUMNS))


def _each(folder: Path, read: Callable[[Path], T]) -> dict[str, T]:
    """What is read from each evaluation's files, by its name."""
    found = {path.stem: _read(path, read) for path in sorted(folder.glob("*.json"))}
    if not found:
        raise StudyError(f"{folder}: there are no results")
    return found


def _read(path: Path, read: Callable[[Path], T]) -> T:
    """What is read from the files of an evaluation; whatever is wrong with them is said in one line."""
    try:
        return read(path)
    except Exception as error:  # a damaged file may fail in any way
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        reason = reason if isinstance(error, StudyError) else f"damaged ({reason})"
        raise StudyError(f"{path.with_suffix('')}.*: {reason}; run the study again to measure it again") from error


def _table(path: Path) -> pd.DataFrame:
    """The tidy results; in CSV, "" and a missing value look the same."""
    for suffix, digest in json.loads(path.read_text(encoding="utf-8"))["sha256"].items():
        if file_digest(path.with_suffix(suffix)) != digest:
            raise StudyError(f"damaged ({path.stem}{suffix} has changed since it was written)")
    return pd.read_parquet(path.with_suffix(".parquet"))


def _load(path: Path) -> Result:
    frame, about = _table(path), json.loads(path.read_text(encoding="utf-8"))
    if set(frame.columns) != set(COLUMNS):
        raise StudyError("another version of robustkd wrote it")
    frame = frame.astype(COLUMNS)
    checks: list[Check] = []
    notes: list[str] = []
    for part in about["parts"]:
        found, told = checks_and_notes(path.parent / part["records"])
        checks += _checks(found, part["condition"], part["architecture"])
        notes += _notes(told, part["condition"])
    return Result(path.stem, frame, tuple(checks), about["settings"], tuple(dict.fromkeys(notes)))


def _described(part: PartResult) -> dict[str, Any]:
    return {
        "records": f"{part.name}.npz",
        "key": part.key,
        "condition": part.condition,
        "architecture": part.architecture,
        "selection": part.selection,
    }


def _checks(checks: Iterable[Check], condition: str, architecture: str) -> list[Check]:
    return [replace(check, condition=condition, group=architecture) for check in checks]


def _notes(notes: Iterable[str], condition: str) -> list[str]:
    return [note if condition == "clean" else f"{condition}: {note}" for note in notes]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
