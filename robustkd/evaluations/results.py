"""Results on disk: the tidy table, the records behind it, and how they were obtained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from robustkd.atomic import atomic_path, write_text
from robustkd.errors import StudyError
from robustkd.evaluations.evaluation import Evaluation, Predict
from robustkd.evaluations.records import Check, Records, members_frame
from robustkd.evaluations.tidy import COLUMNS

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@dataclass(frozen=True)
class Result:
    """What an evaluation found.

    Attributes:
        evaluation: Its name.
        frame: The tidy results, of the columns of `tidy.COLUMNS`.
        checks: The validity checks.
        settings: Evaluation, version, options.
    """

    evaluation: str
    frame: pd.DataFrame
    checks: tuple[Check, ...]
    settings: dict[str, Any]


def measure(evaluation: Evaluation, pool: ModelPool, data: Dataset, predict: Predict, folder: Path) -> Result:
    """Ask one evaluation of a pool, unless the folder holds the answer for the same models, data and options.

    Args:
        evaluation: The evaluation.
        pool: The models.
        data: The images.
        predict: Cached predictions.
        folder: Where ``<evaluation>.npz``, ``.csv``, ``.parquet`` and, last of all, ``.json`` go.

    Returns:
        The result.
    """
    key = _key(evaluation, pool, data)
    if (records := _stored_records(folder, evaluation.name, key)) is None:
        records = evaluation.measure(pool, data, predict)
        (folder / f"{evaluation.name}.json").unlink(missing_ok=True)
        records.save(folder / f"{evaluation.name}.npz")
    result = Result(evaluation.name, evaluation.summarise(records), records.checks, evaluation.settings())
    _save(result, folder, key)
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
        about = json.loads(path.read_text(encoding="utf-8"))
        # a run of before a column was added lacks it
        frame = pd.read_csv(path.with_suffix(".csv"), dtype=COLUMNS).reindex(columns=list(COLUMNS)).astype(COLUMNS)
        records = Records.load(path.with_suffix(".npz"))
        results.append(Result(path.stem, frame, records.checks, about["settings"]))
    if not results:
        raise StudyError(f"{folder}: holds no results")
    return results


def _key(evaluation: Evaluation, pool: ModelPool, data: Dataset) -> str:
    members = members_frame(pool).astype(str).to_dict("records")
    content = json.dumps([evaluation.settings(), members, data.test.digest], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _stored_records(folder: Path, name: str, key: str) -> Records | None:
    about = folder / f"{name}.json"
    if not about.is_file() or json.loads(about.read_text(encoding="utf-8")).get("key") != key:
        return None
    return Records.load(folder / f"{name}.npz")


def _save(result: Result, folder: Path, key: str) -> None:
    csv, parquet = (folder / f"{result.evaluation}.{suffix}" for suffix in ("csv", "parquet"))
    with atomic_path(csv) as partial:
        result.frame.to_csv(partial, index=False, lineterminator="\n")
    with atomic_path(parquet) as partial:
        result.frame.to_parquet(partial, index=False)
    about = {"key": key, "settings": result.settings}
    write_text(folder / f"{result.evaluation}.json", json.dumps(about, indent=2, sort_keys=True) + "\n")
