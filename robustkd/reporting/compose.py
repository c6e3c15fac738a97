"""A report composed from the results of a run."""

from dataclasses import replace
from pathlib import Path

from robustkd.errors import StudyError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.captions import legend
from robustkd.reporting.caution import caution
from robustkd.reporting.claims import judgements_of
from robustkd.reporting.decides import what_would_decide
from robustkd.reporting.drawing import charts_unchecked, libraries_at_hand
from robustkd.reporting.drawing_process import Draw, drawn_when_asked
from robustkd.reporting.file_names import file_name, unique_names
from robustkd.reporting.pictures import pictures_of
from robustkd.reporting.published.compare import published_of
from robustkd.reporting.report import Report, Section
from robustkd.reporting.run import Run, of_another_version, read_run
from robustkd.reporting.sections import section_of
from robustkd.reporting.statement import statement_of
from robustkd.reporting.statement.judged import judged_differences
from robustkd.reporting.summaries import summary_tables
from robustkd.reporting.table import Table
from robustkd.reporting.trade_off import trade_off_of
from robustkd.results.result import Result


def compose(path: Path, draw: Draw = drawn_when_asked) -> Report:
    """Compose the report of a run from its files.

    Args:
        path: The run directory.
        draw: Draws a chart; by default when its pictures are asked for.

    Returns:
        The report.

    Raises:
        StudyError: The directory is not a run, or has no results yet.
        RobustKDError: A library that reports need is not installed.
    """
    run = read_run(path)
    judged = judged_differences(run.results, run.trust)
    with libraries_at_hand(path), charts_unchecked():
        composed = {
            result.evaluation: _section(run, result, what_would_decide(judged, result.evaluation), draw)
            for result in run.results
        }
        trade_off = trade_off_of(run.results, run.trust, draw)
        published = published_of(run, draw)
    sections = tuple(each for each in composed.values() if isinstance(each, Section))
    summaries, sections = _files_told_apart(tuple(summary_tables(run.results, run.trust)), sections)
    to_come = tuple(EVALUATIONS[name].title for name in run.to_come)
    return Report(
        title=_title(run),
        summaries=summaries,
        statement=statement_of(run, judged),
        sections=sections,
        # a check of a network itself belongs to every evaluation, and is reported once
        checks=tuple(dict.fromkeys(check for result in run.results for check in result.checks)),
        provenance=run.provenance,
        legend=legend((*summaries, *(table for section in sections for table in section.tables))),
        caution=caution(run.results),
        trade_off=trade_off,
        damaged={**run.damaged, **{name: each for name, each in composed.items() if isinstance(each, str)}},
        published=published,
        claims=judgements_of([run]),
        to_come=to_come,
    )


def _section(run: Run, result: Result, decides: str, draw: Draw) -> Section | str:
    """The section on a result; why there is none, where another version measured something else under that name."""
    try:
        pictures, notes = pictures_of(result, run.path / "results"), result.notes
    except StudyError as error:
        pictures, notes = (), (*result.notes, f"Without its pictures: {error}")
    try:
        section = section_of(replace(result, notes=notes), run.trust[result.evaluation], pictures, decides, draw)
        if of_another_version(result):
            _ = section.drawing.svg  # whether it can be drawn is only known once it is
        return section
    except Exception as error:
        if of_another_version(result):
            return f"another version of this evaluation measured it ({type(error).__name__}: {error})"
        raise


def _files_told_apart(
    summaries: tuple[Table, ...], sections: tuple[Section, ...]
) -> tuple[tuple[Table, ...], tuple[Section, ...]]:
    """Give every table a name of its own for its files."""
    tables = (*summaries, *(table for section in sections for table in section.tables))
    names = iter(unique_names([file_name(table.name) for table in tables]))
    first = tuple(replace(table, name=next(names)) for table in summaries)
    named = (tuple(replace(table, name=next(names)) for table in section.tables) for section in sections)
    return first, tuple(replace(section, tables=own) for section, own in zip(sections, named, strict=True))


def _title(run: Run) -> str:
    """The name of the study, and how much of it is measured while it runs."""
    if not run.to_come:
        return run.name
    measured = len(run.provenance["evaluations"])
    return f"{run.name} (interim report: {measured} of {measured + len(run.to_come)} evaluations measured)"
