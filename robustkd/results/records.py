"""Records: what an evaluation measured for each image, the stored artefact from which everything else follows."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from robustkd.atomic import atomic_path

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import Member, ModelPool

_MEMBERS, _CHECKS, _NOTES, _KEY = "_members", "_checks", "_notes", "_key"


@dataclass(frozen=True)
class Check:
    """A quick test of validity, made before a number is trusted.

    Attributes:
        name: What was tested.
        passed: Whether the test passed.
        detail: One sentence on what was observed; where the check failed, what that means.
        member: The member whose numbers it concerns; empty for all.
        metrics: The metrics that a failure voids; empty for all.
        condition: The condition that the member was trained under; filled in when results are collected.
        group: The architecture of the students in its part of the study; filled in in the same way.
    """

    name: str
    passed: bool
    detail: str
    member: str = ""
    metrics: tuple[str, ...] = ()
    condition: str = ""
    group: str = ""


@dataclass(frozen=True)
class Records:
    """Arrays over images, and the members that they belong to.

    Attributes:
        members: One row per member: member, role, method, architecture, seed, condition, digest.
        arrays: Arrays by name; axes over members follow the order of `members` unless the evaluation says otherwise.
        checks: The validity checks made during the measurement.
        notes: What a reader must know about the measurement, each a sentence without its full stop.
    """

    members: pd.DataFrame
    arrays: dict[str, np.ndarray]
    checks: tuple[Check, ...] = field(default=())
    notes: tuple[str, ...] = field(default=())

    def save(self, path: Path, key: str = "") -> None:
        """Write everything to one ``.npz`` file of plain arrays.

        Args:
            path: The file.
            key: The hash of all that determines the records.
        """
        rows = self.members.astype(object).where(self.members.notna(), None).to_dict("records")
        arrays: dict[str, Any] = {
            _MEMBERS: np.array(json.dumps(rows)),
            _CHECKS: np.array(json.dumps([asdict(check) for check in self.checks])),
            _NOTES: np.array(json.dumps(self.notes)),
            _KEY: np.array(key),
            **self.arrays,
        }
        with atomic_path(path) as partial, open(partial, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path, key: str | None = None) -> Records:
        """Read what `save` wrote.

        Args:
            path: The file.
            key: The key that they must have been saved with; None for any.

        Returns:
            The records.

        Raises:
            KeyError: They were saved with another key.
        """
        with np.load(path, allow_pickle=False) as archive:
            if key is not None and str(archive[_KEY]) != key:
                raise KeyError(f"{path}: the records have another key")
            arrays = {name: archive[name] for name in archive.files}
        members = json.loads(str(arrays.pop(_MEMBERS)))
        checks, notes = _told(arrays.pop(_CHECKS), arrays.pop(_NOTES))
        arrays.pop(_KEY)
        return cls(_typed(pd.DataFrame(members)), arrays, checks, notes)


def checks_and_notes(path: Path) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    """Read only the checks and notes of what `Records.save` wrote, and none of its arrays.

    Args:
        path: The file.

    Returns:
        The checks and the notes.
    """
    with np.load(path, allow_pickle=False) as archive:
        return _told(archive[_CHECKS], archive[_NOTES])


def members_frame(members: Iterable[Member]) -> pd.DataFrame:
    """Return a table of the members, one row each, in their order."""
    rows = [
        {
            "member": member.name,
            "role": member.role,
            "method": member.method,
            "architecture": member.architecture,
            "seed": member.seed,
            "condition": member.condition or "clean",  # where no condition is known
            "digest": member.digest,
        }
        for member in members
    ]
    return _typed(pd.DataFrame(rows))


def trained_clean(pool: ModelPool, data: Dataset) -> np.ndarray:
    """Return which members were trained on the clean training set although the condition is not clean, bool (M,)."""
    from robustkd.data import Clean

    clean = Clean().label
    return np.array([member.condition == clean != data.condition.label for member in pool])


def json_text(content: Any) -> str:
    """Return content as strict JSON, with infinite numbers, which JSON does not have, as text."""
    return json.dumps(_without_infinities(content), indent=2, sort_keys=True, allow_nan=False) + "\n"


def _without_infinities(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _without_infinities(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_infinities(value) for value in content]
    return str(content) if isinstance(content, float) and not math.isfinite(content) else content


def _told(checks: np.ndarray, notes: np.ndarray) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    return tuple(map(_check, json.loads(str(checks)))), tuple(json.loads(str(notes)))


def _check(stored: dict[str, Any]) -> Check:
    return Check(**{**stored, "metrics": tuple(stored["metrics"])})


def _typed(members: pd.DataFrame) -> pd.DataFrame:
    return members.astype({"seed": "Int64"})
