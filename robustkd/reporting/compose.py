"""A report composed from the results of a run."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from robustkd.errors import StudyError
from robustkd.reporting.report import Report
from robustkd.reporting.sections import section_of
from robustkd.reporting.summaries import summary_tables
from robustkd.reporting.trust import trust_in
from robustkd.results.result import Result
from robustkd.results.storage import load_results

SEEDS_FOR_METHODS = 3
"""From as many on, their variation can be told (Student's t)."""

RUN_FILE = "run.json"


def compose(run: Path) -> Report:
    """Read a run's results and say what they say.

    Args:
        run: The run directory.

    Returns:
        The report.

    Raises:
        StudyError: The directory is not a run, or has no results yet.
    """
    about = run / RUN_FILE
    if not about.is_file():
        raise StudyError(f"{run}: not a finished run (it has no {RUN_FILE})")
    provenance = json.loads(about.read_text(encoding="utf-8"))
    asked = list(provenance["evaluations"])
    results = [result for result in load_results(run / "results") if result.evaluation in asked]
    results.sort(key=lambda result: asked.index(result.evaluation))
    trust = {result.evaluation: trust_in(result, results) for result in results}
    return Report(
        title=provenance["name"],
        summaries=tuple(summary_tables(results, trust)),
        sections=tuple(section_of(result, trust[result.evaluation]) for result in results),
        # what was found of a network itself stands beside every evaluation's answer, and is told once
        checks=tuple(dict.fromkeys(check for result in results for check in result.checks)),
        provenance=provenance,
        caution=_caution(results),
    )


def _caution(results: Sequence[Result]) -> str:
    rows = pd.concat([result.frame[["level", "role", "n_seeds"]] for result in results])
    methods = rows[(rows["level"] == "method") & (rows["role"] == "student")]
    fewest = methods["n_seeds"].min()
    if methods.empty or fewest >= SEEDS_FOR_METHODS:
        return ""
    often = "once" if fewest == 1 else "twice"
    return (
        f"Where a method was trained only {often}, this is about these networks: intervals cover the test images, not "
        "what another training of the same method would give."
    )
