"""A run as its report reads it: provenance, results, and which of their numbers can be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from robustkd.errors import StudyError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.run_file import TO_COME, read_run_file
from robustkd.reporting.trust import Trust, trusts_in
from robustkd.results.result import Result
from robustkd.results.storage import load_readable


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


def read_run(path: Path) -> Run:
    """Read the files of a run; no network and no checkpoint is needed.

    Args:
        path: The run directory.

    Returns:
        The run; results that cannot be read are named in it, and do not stop the others.

    Raises:
        StudyError: The directory is not a run, or none of its results can be read.
    """
    provenance = read_run_file(path)
    if not provenance["evaluations"] and provenance.get(TO_COME):
        raise StudyError(f"{path}: no evaluation is measured yet; still to come: {', '.join(provenance[TO_COME])}")
    found, damaged = load_readable(path / "results", provenance["evaluations"])
    known = set(EVALUATIONS.names())
    damaged |= {
        result.evaluation: f"there is no evaluation {result.evaluation!r} here; if a plugin has it, name the plugin"
        for result in found
        if result.evaluation not in known
    }
    readable = [_with_its_version(result) for result in found if result.evaluation in known]
    if not readable:
        raise StudyError(f"{path}: {next(iter(damaged.values()))}")
    trust = trusts_in(readable)
    results = tuple(_marked(result, trust[result.evaluation]) for result in readable)
    return Run(path, provenance, results, trust, damaged)


def of_another_version(result: Result) -> bool:
    """Return whether another version of its evaluation measured a result."""
    return bool(result.settings.get("version") != EVALUATIONS[result.evaluation].version)


def _with_its_version(result: Result) -> Result:
    if not of_another_version(result):
        return result
    own, here = result.settings.get("version"), EVALUATIONS[result.evaluation].version
    note = f"Version {own} of this evaluation measured it, and this robustkd has version {here}: numbers may differ"
    return replace(result, notes=(*result.notes, note))


def _marked(result: Result, trust: Trust) -> Result:
    """Give the tables the marks that the sentences follow: those that hold without the numbers of failed checks."""
    trusted, _ = trust.withhold(result.frame, EVALUATIONS[result.evaluation].metrics)
    marks = {name: trusted[name] for name in ("below_baseline", "ties_best")}
    return replace(result, frame=result.frame.assign(**marks))
