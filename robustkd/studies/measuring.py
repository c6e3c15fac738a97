"""One evaluation on one pool; its records are kept on disk for the next time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustkd.arithmetic import tensor_float32
from robustkd.evaluations import Evaluation, Predict
from robustkd.plugins import digest_of
from robustkd.results.records import Check, Records, members_frame
from robustkd.results.result import PartResult, Result
from robustkd.results.storage import file_digest, save_result
from robustkd.validity.architecture import same_architecture

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import ModelPool

RECORDS_VERSION = 4
"""Raised whenever all evaluations would give other records."""


def measure(
    evaluation: Evaluation,
    pool: ModelPool,
    data: Dataset,
    predict: Predict,
    folder: Path,
    *,
    checks: Sequence[Check] = (),
    notes: Sequence[str] = (),
    architecture: str = "",
    part: str = "",
) -> PartResult:
    """Run one evaluation on a pool, unless the folder holds its records for the same models, data and options.

    Args:
        evaluation: The evaluation.
        pool: The models, trained under `data.condition`.
        data: The images.
        predict: Gives cached predictions.
        folder: The folder of the records, which are written to ``<evaluation>.npz``.
        checks: What was found about the members before; see `robustkd.validity`.
        notes: What a reader must know about the members.
        architecture: The architecture of the students.
        part: The name of the part where a study has several; the records are written to ``<evaluation>-<part>.npz``.

    Returns:
        The records, which are on disk by then.
    """
    known = [*(asdict(check) for check in checks), *notes]
    key = _key(evaluation, pool, data, known)
    name = f"{evaluation.name}-{part}" if part else evaluation.name
    path = folder / f"{name}.npz"
    try:
        records = Records.load(path, key)
        if not all(file.is_file() for file in evaluation.files(pool)):
            raise FileNotFoundError
    except Exception:  # absent, or damaged in any way: measured again
        with tensor_float32(False):
            seen = evaluation.measure(pool, data, predict)
        compared = same_architecture(evaluation.metrics, seen.members)
        records = replace(seen, checks=(*checks, *seen.checks, *compared), notes=(*notes, *seen.notes))
        records.save(path, key)
    selection = {member.name: member.selection for member in pool}
    return PartResult(name, key, data.condition.label, architecture, records, selection)


def collect(evaluation: Evaluation, parts: Sequence[PartResult], folder: Path) -> Result:
    """Summarise all parts of a study in one table, and write it.

    Args:
        evaluation: The evaluation.
        parts: The records of at least one part.
        folder: The folder of the files; see `save_result`.

    Returns:
        The result.
    """
    frames = [evaluation.summarise(part.records) for part in parts]
    return save_result(evaluation.name, evaluation.settings(), parts, frames, folder)


def _key(evaluation: Evaluation, pool: ModelPool, data: Dataset, known: list[Any]) -> str:
    members = members_frame(pool).astype(str).to_dict("records")
    content = [RECORDS_VERSION, evaluation.settings(), members, known, data.test.digest, _file_digests(evaluation)]
    content += [data.test.groups] if data.test.groups is not None else []
    content += _trained_on(data) if evaluation.requires.training else []
    content += [member.model.lineage.get("course") for member in pool] if evaluation.requires.course else []
    content += evaluation.reads(data)
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _trained_on(data: Dataset) -> list[Any]:
    """What the members were trained on, where it is known: images, condition, and the resulting labels."""
    if data.train is None:
        return []
    conditioned = data.trained_on()
    labels = hashlib.sha256(conditioned.indices.numpy().tobytes() + conditioned.images.labels.cpu().numpy().tobytes())
    plugin = digest_of(type(data.condition))
    content = [data.train.digest, data.condition.name, data.condition.options(), labels.hexdigest()]
    return [*content, *([plugin] if plugin else [])]


def _file_digests(evaluation: Evaluation) -> dict[str, str]:
    """The digests of files and folders that options name: a path does not tell their content."""
    options = asdict(evaluation.options).items()
    places = {key: (key, Path(value).expanduser()) for key, value in options if isinstance(value, str)}
    for key, value in options:
        names = value if isinstance(value, (tuple, list)) else ()
        places |= {
            f"{key} {name}": (key, _path_of_data(name)) for name in names if isinstance(name, str) and ":" in name
        }
    files = {label: file_digest(file) for label, (_, file) in places.items() if file.is_file()}
    read = {label: place for label, (key, place) in places.items() if key in evaluation.reads_folders}
    return files | {label: _folder_digest(folder) for label, folder in read.items() if folder.is_dir()}


def _path_of_data(name: str) -> Path:
    """The path in the name of a data set, such as ``folder:PATH@224``."""
    return Path(name.partition(":")[2].partition("@")[0]).expanduser()


ENDS = 1 << 20
"""The number of bytes that are hashed at each end of a file in a folder."""


def _folder_digest(folder: Path) -> str:
    """Hash names, sizes, and the first and last MiB of the files in a folder: reading whole arrays takes too long.

    A change in the middle of a file that keeps its size is not noticed.
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
