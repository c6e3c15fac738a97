"""A report composed from the results of a run."""

import json
from dataclasses import replace
from pathlib import Path

from robustkd.errors import StudyError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.captions import legend
from robustkd.reporting.caution import caution
from robustkd.reporting.drawing import libraries_at_hand
from robustkd.reporting.pictures import pictures_of
from robustkd.reporting.report import Report
from robustkd.reporting.sections import section_of
from robustkd.reporting.summaries import summary_tables
from robustkd.reporting.trust import Trust, trust_in
from robustkd.results.result import Result
from robustkd.results.storage import load_results

RUN_FILE = "run.json"


def compose(run: Path) -> Report:
    """Compose the report of a run from its files.

    Args:
        run: The run directory.

    Returns:
        The report.

    Raises:
        StudyError: The directory is not a run, or has no results yet.
        RobustKDError: A library that reports need is not installed.
    """
    about = run / RUN_FILE
    if not about.is_file():
        raise StudyError(f"{run}: not a finished run (it has no {RUN_FILE})")
    provenance = json.loads(about.read_text(encoding="utf-8"))
    asked = list(provenance["evaluations"])
    results = [result for result in load_results(run / "results") if result.evaluation in asked]
    results.sort(key=lambda result: asked.index(result.evaluation))
    trust = {result.evaluation: trust_in(result, results) for result in results}
    results = [_marked(result, trust[result.evaluation]) for result in results]
    with libraries_at_hand(run):
        sections = tuple(
            section_of(result, trust[result.evaluation], pictures_of(result, run / "results")) for result in results
        )
    summaries = tuple(summary_tables(results, trust))
    return Report(
        title=provenance["name"],
        summaries=summaries,
        sections=sections,
        # a check of a network itself belongs to every evaluation, and is reported once
        checks=tuple(dict.fromkeys(check for result in results for check in result.checks)),
        provenance=provenance,
        legend=legend((*summaries, *(table for section in sections for table in section.tables))),
        caution=caution(results),
    )


def _marked(result: Result, trust: Trust) -> Result:
    """Give the tables the marks that the sentences follow: those that hold without the numbers of failed checks."""
    trusted, _ = trust.withhold(result.frame, EVALUATIONS[result.evaluation].metrics)
    marks = {name: trusted[name] for name in ("below_baseline", "ties_best")}
    return replace(result, frame=result.frame.assign(**marks))
