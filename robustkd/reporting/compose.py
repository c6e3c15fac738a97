"""A report composed from the results of a run."""

from dataclasses import replace
from pathlib import Path

from robustkd.reporting.captions import legend
from robustkd.reporting.caution import caution
from robustkd.reporting.drawing import charts_unchecked, libraries_at_hand
from robustkd.reporting.file_names import file_name, unique_names
from robustkd.reporting.pictures import pictures_of
from robustkd.reporting.report import Report, Section
from robustkd.reporting.run import read_run
from robustkd.reporting.sections import section_of
from robustkd.reporting.summaries import summary_tables
from robustkd.reporting.table import Table


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
    with libraries_at_hand(path), charts_unchecked():
        sections = tuple(
            section_of(result, run.trust[result.evaluation], pictures_of(result, path / "results"))
            for result in run.results
        )
    summaries, sections = _files_told_apart(tuple(summary_tables(run.results, run.trust)), sections)
    return Report(
        title=run.name,
        summaries=summaries,
        sections=sections,
        # a check of a network itself belongs to every evaluation, and is reported once
        checks=tuple(dict.fromkeys(check for result in run.results for check in result.checks)),
        provenance=run.provenance,
        legend=legend((*summaries, *(table for section in sections for table in section.tables))),
        caution=caution(run.results),
        damaged=run.damaged,
    )


def _files_told_apart(
    summaries: tuple[Table, ...], sections: tuple[Section, ...]
) -> tuple[tuple[Table, ...], tuple[Section, ...]]:
    """Give every table a name of its own for its files."""
    tables = (*summaries, *(table for section in sections for table in section.tables))
    names = iter(unique_names([file_name(table.name) for table in tables]))
    first = tuple(replace(table, name=next(names)) for table in summaries)
    named = (tuple(replace(table, name=next(names)) for table in section.tables) for section in sections)
    return first, tuple(replace(section, tables=own) for section, own in zip(sections, named, strict=True))
