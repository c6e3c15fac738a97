"""A report composed from the results of a run."""

from collections.abc import Sequence
from pathlib import Path

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.numbers import join
from robustkd.reporting.captions import legend
from robustkd.reporting.caution import caution
from robustkd.reporting.drawing import libraries_at_hand
from robustkd.reporting.pictures import pictures_of
from robustkd.reporting.report import Report
from robustkd.reporting.run import Run, read_run
from robustkd.reporting.sections import section_of
from robustkd.reporting.summaries import summary_tables


def compose(path: Path) -> Report:
    """Compose the report of a run from its files.

    Args:
        path: The run directory.

    Returns:
        The report.

    Raises:
        StudyError: The directory is not a run, or has no results yet.
        RobustKDError: A library that reports need is not installed.
    """
    run = read_run(path)
    with libraries_at_hand(path):
        sections = tuple(
            section_of(result, run.trust[result.evaluation], pictures_of(result, path / "results"))
            for result in run.results
        )
    summaries = tuple(summary_tables(run.results, run.trust))
    to_come = tuple(EVALUATIONS[name].title for name in run.to_come)
    return Report(
        title=_title(run),
        summaries=summaries,
        sections=sections,
        # a check of a network itself belongs to every evaluation, and is reported once
        checks=tuple(dict.fromkeys(check for result in run.results for check in result.checks)),
        provenance=run.provenance,
        legend=legend((*summaries, *(table for section in sections for table in section.tables))),
        caution=" ".join(filter(None, (_interim(to_come), caution(run.results)))),
        damaged=run.damaged,
        to_come=to_come,
    )


def _title(run: Run) -> str:
    """The name of the study, and how much of it is measured while it runs."""
    if not run.to_come:
        return run.name
    measured = len(run.provenance["evaluations"])
    return f"{run.name} (interim report: {measured} of {measured + len(run.to_come)} evaluations measured)"


def _interim(to_come: Sequence[str]) -> str:
    return f"This is an interim report. Still to come: {join(list(to_come))}." if to_come else ""
