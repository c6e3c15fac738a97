"""How far a study is, read from the files that it writes while it runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustkd.errors import StudyError
from robustkd.presentation.numbers import join
from robustkd.reporting.run_file import RUN_FILE, TO_COME

UNDER_WAY = ".under_way.json"
"""Says what a study is about to do; it is there from its start to its end.

Keys: ``store``, the folder of its trained networks; ``networks``, the folder of each network in the store, with its
title; ``evaluations``, their names.
"""

NAMED = 4
"""The networks and evaluations to come that are named."""


@dataclass(frozen=True)
class Progress:
    """What a study has done, and what is to come.

    Attributes:
        networks: The number of networks that it trains; 0 where they are given.
        training: The titles of those that are not trained yet.
        failed: The titles of those that failed to train.
        measured: The evaluations that are done.
        to_come: The evaluations that are not.
        finished: Whether nothing is to come.
    """

    networks: int
    training: tuple[str, ...]
    failed: tuple[str, ...]
    measured: tuple[str, ...]
    to_come: tuple[str, ...]
    finished: bool

    def __str__(self) -> str:
        """One line on what is done and what is to come."""
        if not self.networks and not self.measured and not self.to_come:
            return "the study has started"
        asked = len(self.measured) + len(self.to_come)
        if self.training and not self.measured:
            trained = self.networks - len(self.training) - len(self.failed)
            failed = f", {len(self.failed)} failed" if self.failed else ""
            told = f"{trained} of {self.networks} networks trained{failed}"
            return f"{told}; still to come: {_named(self.training)}, then {_counted(asked)}"
        told = f"{len(self.measured)} of {_counted(asked)} measured"
        if self.finished:
            return f"{told}; the study is finished"
        return f"{told}; still to come: {_named(self.to_come) if self.to_come else 'the report'}"


def read_progress(run: Path) -> Progress:
    """Read how far a study is.

    Args:
        run: The run directory.

    Raises:
        StudyError: No study has started there.
    """
    facts, about = _read(run / RUN_FILE), _read(run / UNDER_WAY)
    if not facts and not about and not (run / "study.yaml").is_file():
        raise StudyError(f"{run}: no study has started here (it has no study.yaml)")
    networks = about.get("networks", {})
    store = Path(about.get("store", run))
    left = {folder: title for folder, title in networks.items() if not (store / folder / "job.json").is_file()}
    failed = {folder: title for folder, title in left.items() if (store / _failure_file(folder)).is_file()}
    training = tuple(title for folder, title in left.items() if folder not in failed)
    # results of an earlier run of the study are not what is waited for
    own = facts if written_at(run / RUN_FILE) >= written_at(run / UNDER_WAY) else {}
    measured = tuple(own.get("evaluations", ()))
    to_come = tuple(own.get(TO_COME, ()) if own else about.get("evaluations", ()))
    finished = bool(facts) and not about and not to_come
    return Progress(len(networks), training, tuple(failed.values()), measured, to_come, finished)


def _failure_file(folder: str) -> str:
    """The file in a store that says why a network failed; it is named after the end of the name of its folder."""
    return f".{folder.rpartition('-')[2]}.failed.json"


def _counted(evaluations: int) -> str:
    return f"{evaluations} evaluation{'' if evaluations == 1 else 's'}"


def _named(titles: tuple[str, ...]) -> str:
    if len(titles) <= NAMED + 1:
        return join(list(titles))
    return f"{', '.join(titles[:NAMED])} and {len(titles) - NAMED} more"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def written_at(path: Path) -> int:
    """Return when a file was written, in nanoseconds; 0 if it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
