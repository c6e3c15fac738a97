"""Results on disk: the tidy table, the records behind it, and how they were obtained."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from robustkd.atomic import atomic_path, write_text
from robustkd.errors import StudyError
from robustkd.evaluations.evaluation import Evaluation, Predict
from robustkd.evaluations.records import Check, Records, json_text, members_frame
from robustkd.evaluations.tidy import COLUMNS
from robustkd.evaluations.validity import above_chance, same_architecture

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import ModelPool


RECORDS_VERSION = 3
"""Raised whenever every evaluation would give other records."""


@dataclass(frozen=True)
class Result:
    """What an evaluation found.

    Attributes:
        evaluation: Its name.
        frame: The tidy results, of the columns of `tidy.COLUMNS`.
        checks: The validity checks.
        settings: Evaluation, version, options.
        notes: What a reader must know of how it was measured, by part where a study has several.
    """

    evaluation: str
    frame: pd.DataFrame
    checks: tuple[Check, ...]
    settings: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slice:
    """The results that are looked at together.

    Attributes:
        title: What they have in common and the others have not; empty where there are no others.
        frame: The tidy results.
    """

    title: str
    frame: pd.DataFrame


def slices(frame: pd.DataFrame, *, across_conditions: bool = False) -> list[Slice]:
    """Take tidy results apart by the students' architecture and by the condition.

    Args:
        frame: Tidy results.
        across_conditions: Leave the conditions together.

    Returns:
        One slice at least, in the order of the frame.
    """
    keys = ["group"] if across_conditions else ["group", "condition"]
    telling = [key for key in keys if frame[key].nunique() > 1]
    if not telling:
        return [Slice("", frame)]
    return [
        Slice(", ".join(map(str, values)), rows.reset_index(drop=True))
        for values, rows in frame.groupby(telling, sort=False)
    ]


@dataclass(frozen=True)
class PartResult:
    """What an evaluation found of the networks that it looked at together.

    Attributes:
        name: Of the file of its records, without its suffix.
        key: The hash of all that determines it.
        condition: Under which the networks were trained.
        architecture: Of the students; empty where it does not tell parts apart.
        records: What was seen.
        selection: By member, the rule that chose its network, as its checkpoint says it; None where it does not.
    """

    name: str
    key: str
    condition: str
    architecture: str
    records: Records
    selection: dict[str, str | None]


def measure(
    evaluation: Evaluation,
    pool: ModelPool,
    data: Dataset,
    predict: Predict,
    folder: Path,
    *,
    architecture: str = "",
    part: str = "",
) -> PartResult:
    """Ask one evaluation of a pool, unless the folder holds the answer for the same models, data and options.

    Args:
        evaluation: The evaluation.
        pool: The models, trained under `data.condition`.
        data: The images.
        predict: Cached predictions.
        folder: Where the records go: to ``<evaluation>.npz``.
        architecture: Of the students that are compared.
        part: Names the part where a study has several; the records go to ``<evaluation>-<part>.npz`` then.

    Returns:
        What was seen, which is on disk then.
    """
    key = _key(evaluation, pool, data)
    name = f"{evaluation.name}-{part}" if part else evaluation.name
    path = folder / f"{name}.npz"
    try:
        records = Records.load(path, key)
        if not all(file.is_file() for file in evaluation.files(pool)):
            raise FileNotFoundError
    except Exception:  # absent, or damaged in whatever way: measured anew
        seen = evaluation.measure(pool, data, predict)
        able = [above_chance(member.name, predict(member)) for member in pool]
        records = replace(seen, checks=(*able, *seen.checks, *same_architecture(evaluation, seen.members)))
        records.save(path, key)
    selection = {member.name: member.selection for member in pool}
    return PartResult(name, key, data.condition.label, architecture, records, selection)


def collect(evaluation: Evaluation, parts: Sequence[PartResult], folder: Path) -> Result:
    """Summarise all parts of a study in one table, and write it.

    Args:
        evaluation: The evaluation.
        parts: At least one.
        folder: Where ``<evaluation>.csv``, ``.parquet`` and, last of all, ``.json`` go.

    Returns:
        The result.
    """
    result = _result(evaluation.name, evaluation, parts)
    csv, parquet, about = (folder / f"{evaluation.name}.{suffix}" for suffix in ("csv", "parquet", "json"))
    about.unlink(missing_ok=True)
    with atomic_path(csv) as partial:
        result.frame.to_csv(partial, index=False, lineterminator="\n")
    with atomic_path(parquet) as partial:
        result.frame.to_parquet(partial, index=False)
    listed = [{"records": f"{part.name}.npz", **_about(part)} for part in parts]
    digests = {table.suffix: _digest(table) for table in (csv, parquet)}
    write_text(about, json_text({"settings": result.settings, "parts": listed, "sha256": digests}))
    return result


def load_results(folder: Path) -> list[Result]:
    """Read all results of a run.

    Args:
        folder: ``RUN/results``.

    Returns:
        One result per evaluation, by name.

    Raises:
        StudyError: There are none.
    """
    results = []
    for path in sorted(folder.glob("*.json")):
        try:
            results.append(_load(path))
        except Exception as error:  # a damaged file may fail in any way
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise StudyError(f"{path.with_suffix('')}.*: damaged ({reason}); run again to measure it anew") from error
    if not results:
        raise StudyError(f"{folder}: holds no results")
    return results


def _load(path: Path) -> Result:
    about = json.loads(path.read_text(encoding="utf-8"))
    for suffix, digest in about["sha256"].items():
        if _digest(path.with_suffix(suffix)) != digest:
            raise StudyError(f"{path.stem}{suffix} is not as it was written")
    frame = pd.read_parquet(path.with_suffix(".parquet")).astype(COLUMNS)  # CSV has one text for "" and for none
    checks: list[Check] = []
    notes: list[str] = []
    for part in about["parts"]:
        records = Records.load(path.parent / part["records"])
        checks += _checks(records, part["condition"], part["architecture"])
        notes += _notes(records, part["condition"])
    return Result(path.stem, frame, tuple(checks), about["settings"], tuple(dict.fromkeys(notes)))


def _result(name: str, evaluation: Evaluation, parts: Sequence[PartResult]) -> Result:
    frames, checks, notes = [], [], []
    for part in parts:
        frame = evaluation.summarise(part.records)
        frames.append(frame.assign(group=part.architecture, condition=part.condition))
        checks += _checks(part.records, part.condition, part.architecture)
        notes += _notes(part.records, part.condition)
    frame = pd.concat(frames, ignore_index=True).astype(COLUMNS) if len(frames) > 1 else frames[0].astype(COLUMNS)
    told = tuple(dict.fromkeys(notes))
    return Result(name, frame[list(COLUMNS)], tuple(checks), evaluation.settings(), told)


def _checks(records: Records, condition: str, architecture: str) -> list[Check]:
    return [replace(check, condition=condition, group=architecture) for check in records.checks]


def _notes(records: Records, condition: str) -> list[str]:
    return [note if condition == "clean" else f"{condition}: {note}" for note in records.notes]


def _about(part: PartResult) -> dict[str, Any]:
    return {
        "key": part.key,
        "condition": part.condition,
        "architecture": part.architecture,
        "selection": part.selection,
    }


def _key(evaluation: Evaluation, pool: ModelPool, data: Dataset) -> str:
    members = members_frame(pool).astype(str).to_dict("records")
    content = [RECORDS_VERSION, evaluation.settings(), members, data.test.digest, _file_digests(evaluation)]
    content += _trained_on(data) if evaluation.requires.training else []
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _trained_on(data: Dataset) -> list[Any]:
    """What the members were trained on, as far as it is known: images, condition, and the labels that came of it."""
    if data.train is None:
        return []
    conditioned = data.trained_on()
    labels = hashlib.sha256(conditioned.indices.numpy().tobytes() + conditioned.images.labels.cpu().numpy().tobytes())
    return [data.train.digest, data.condition.name, data.condition.options(), labels.hexdigest()]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _file_digests(evaluation: Evaluation) -> dict[str, str]:
    """The content of files and folders that options name: a path alone does not say what was read."""
    named = {key: value for key, value in asdict(evaluation.options).items() if isinstance(value, str)}
    places = {key: Path(value).expanduser() for key, value in named.items()}
    files = {key: _digest(file) for key, file in places.items() if file.is_file()}
    folders = {key: places[key] for key in evaluation.reads_folders if key in places and places[key].is_dir()}
    return files | {key: _folder_digest(folder) for key, folder in folders.items()}


ENDS = 1 << 20
"""Bytes of a file in a folder that are looked at from either end."""


def _folder_digest(folder: Path) -> str:
    """Hash names, sizes, and the first and last MiB of the files in a folder: whole arrays take too long to read.

    A file that is changed in its middle alone passes for the same.
    """
    seen = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        size = path.stat().st_size
        seen.update(json.dumps([path.relative_to(folder).as_posix(), size]).encode())
        with open(path, "rb") as file:
            seen.update(file.read(ENDS))
            file.seek(max(size - ENDS, 0))
            seen.update(file.read(ENDS))
    return seen.hexdigest()
