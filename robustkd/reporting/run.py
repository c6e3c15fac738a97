"""A run as its report reads it: provenance, results, and which of their numbers can be trusted."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from robustkd.errors import StudyError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.trust import Trust, trust_in
from robustkd.results.result import Result
from robustkd.results.storage import load_readable

RUN_FILE = "run.json"

TO_COME = "to_come"
"""The key in `RUN_FILE` of the evaluations that are not measured yet; absent when the study is finished."""


@dataclass(frozen=True)
class Run:
    """The files of a run, read.

    Attributes:
        path: The run directory.
        provenance: How the results were obtained: the content of ``run.json``.
        results: The results, in the order in which the study asks for them. Their marks hold without the numbers of
            failed checks.
        trust: For each evaluation, what is known about the validity of its numbers.
        damaged: The evaluations whose results cannot be read, and why.
    """

    path: Path
    provenance: Mapping[str, Any]
    results: tuple[Result, ...]
    trust: Mapping[str, Trust]
    damaged: Mapping[str, str]

    @property
    def to_come(self) -> tuple[str, ...]:
        """The names of the evaluations that are not measured yet; empty when the study is finished."""
        return tuple(self.provenance.get(TO_COME, ()))

    @property
    def name(self) -> str:
        """The name of the study."""
        return str(self.provenance["name"])

    def result(self, evaluation: str) -> Result | None:
        """Return the result of an evaluation; None if there is none."""
        return next((result for result in self.results if result.evaluation == evaluation), None)


def to_come(path: Path) -> tuple[str, ...]:
    """Return the evaluations of a run that are not measured yet.

    Args:
        path: The run directory.

    Returns:
        Their names; empty if the study is finished, or nothing is known of it.
    """
    try:
        return tuple(json.loads((path / RUN_FILE).read_text(encoding="utf-8")).get(TO_COME, ()))
    except (OSError, ValueError, AttributeError):
        return ()


def read_run(path: Path) -> Run:
    """Read the files of a run; no network and no checkpoint is needed.

    Args:
        path: The run directory.

    Returns:
        The run; results that cannot be read are named in it, and do not stop the others.

    Raises:
        StudyError: The directory is not a run, or none of its results can be read.
    """
    about = path / RUN_FILE
    if not about.is_file():
        raise StudyError(f"{path}: not a finished run (it has no {RUN_FILE})")
    try:
        provenance = json.loads(about.read_text(encoding="utf-8"))
        asked = list(provenance["evaluations"])
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{about}: damaged ({error}); run the study again, which repeats only what is missing"
        ) from error
    if not asked and provenance.get(TO_COME):
        raise StudyError(f"{path}: no evaluation is measured yet; still to come: {', '.join(provenance[TO_COME])}")
    readable, damaged = load_readable(path / "results", asked)
    trust = {result.evaluation: trust_in(result, readable) for result in readable}
    results = tuple(_marked(result, trust[result.evaluation]) for result in readable)
    return Run(path, provenance, results, trust, damaged)


def _marked(result: Result, trust: Trust) -> Result:
    """Give the tables the marks that the sentences follow: those that hold without the numbers of failed checks."""
    trusted, _ = trust.withhold(result.frame, EVALUATIONS[result.evaluation].metrics)
    marks = {name: trusted[name] for name in ("below_baseline", "ties_best")}
    return replace(result, frame=result.frame.assign(**marks))
