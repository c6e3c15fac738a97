"""A report composed from the results of a run."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from robustkd.errors import StudyError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.captions import legend
from robustkd.reporting.drawing import libraries_at_hand
from robustkd.reporting.report import Report
from robustkd.reporting.sections import section_of
from robustkd.reporting.summaries import summary_tables
from robustkd.reporting.trust import Trust, trust_in
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.results.result import Result
from robustkd.results.storage import load_results

SEEDS_FOR_METHODS = 3
"""From this number on, the variation between seeds has an interval (Student's t)."""

SOME_ONCE = "Some methods were trained once: their differences to others"

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
        sections = tuple(section_of(result, trust[result.evaluation]) for result in results)
    summaries = tuple(summary_tables(results, trust))
    return Report(
        title=provenance["name"],
        summaries=summaries,
        sections=sections,
        # a check of a network itself belongs to every evaluation, and is reported once
        checks=tuple(dict.fromkeys(check for result in results for check in result.checks)),
        provenance=provenance,
        legend=legend((*summaries, *(table for section in sections for table in section.tables))),
        caution=_caution(results),
    )


def _marked(result: Result, trust: Trust) -> Result:
    """Give the tables the marks that the sentences follow: those that hold without the numbers of failed checks."""
    trusted, _ = trust.withhold(result.frame, EVALUATIONS[result.evaluation].metrics)
    marks = {name: trusted[name] for name in ("below_baseline", "ties_best")}
    return replace(result, frame=result.frame.assign(**marks))


def _caution(results: Sequence[Result]) -> str:
    rows = pd.concat([result.frame[["level", "role", "n_seeds"]] for result in results])
    methods = rows[(rows["level"] == "method") & rows["role"].isin(["student", "baseline"])]
    seeds = methods["n_seeds"]
    if methods.empty or seeds.min() >= SEEDS_FOR_METHODS:
        return ""
    over_images = "Intervals cover the test images, not what another training of the same method would give."
    if seeds.min() >= SEEDS_TO_RANK:
        return f"Some methods have only two seeds. {over_images}"
    once = "Each method was trained once: differences" if seeds.max() < SEEDS_TO_RANK else SOME_ONCE
    return f"{once} are between these networks, not between methods, which are not ranked. {over_images}"
