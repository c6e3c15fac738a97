"""A report composed from the results of a run."""

from pathlib import Path

from robustkd.reporting.captions import legend
from robustkd.reporting.caution import caution
from robustkd.reporting.claims import judgements_of
from robustkd.reporting.decides import what_would_decide
from robustkd.reporting.drawing import libraries_at_hand
from robustkd.reporting.pictures import pictures_of
from robustkd.reporting.published.compare import published_of
from robustkd.reporting.report import Report
from robustkd.reporting.run import read_run
from robustkd.reporting.sections import section_of
from robustkd.reporting.statement import statement_of
from robustkd.reporting.statement.judged import judged_differences
from robustkd.reporting.summaries import summary_tables
from robustkd.reporting.trade_off import trade_off_of


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
    judged = judged_differences(run.results, run.trust)
    with libraries_at_hand(path):
        sections = tuple(
            section_of(
                result,
                run.trust[result.evaluation],
                pictures_of(result, path / "results"),
                what_would_decide(judged, result.evaluation),
            )
            for result in run.results
        )
        trade_off = trade_off_of(run.results, run.trust)
        published = published_of(run)
    summaries = tuple(summary_tables(run.results, run.trust))
    return Report(
        title=run.name,
        summaries=summaries,
        statement=statement_of(run, judged),
        sections=sections,
        # a check of a network itself belongs to every evaluation, and is reported once
        checks=tuple(dict.fromkeys(check for result in run.results for check in result.checks)),
        provenance=run.provenance,
        legend=legend((*summaries, *(table for section in sections for table in section.tables))),
        caution=caution(run.results),
        trade_off=trade_off,
        damaged=run.damaged,
        published=published,
        claims=judgements_of([run]),
    )
