"""The published tables that a run repeats, beside its own numbers."""

import re

from robustkd.reporting.drawing_process import Draw, drawn_when_asked
from robustkd.reporting.published import ojha2023, ruffy2019, sarfraz2020, stanton2021
from robustkd.reporting.published.comparison import PublishedComparison
from robustkd.reporting.published.differences import departure
from robustkd.reporting.published.figure1 import figure1_of
from robustkd.reporting.published.layout import tables_of
from robustkd.reporting.published.matching import Match, best_of_families, matches
from robustkd.reporting.published.paper_table import PaperTable
from robustkd.reporting.published.scatter import in_words, scatter
from robustkd.reporting.published.sentences import note_of, sentences_of
from robustkd.reporting.run import Run


def published_of(run: Run, draw: Draw = drawn_when_asked) -> tuple[PublishedComparison, ...]:
    """Compare a run with the papers' tables that it repeats, in full or in small.

    Args:
        run: The run.
        draw: Draws a chart.

    Returns:
        A comparison for each table with the same data, methods, condition and metric; none for a run of other things.
    """
    papers = (sarfraz2020, ruffy2019, stanton2021, ojha2023)
    found = [(table, matches(table, run)) for paper in papers for table in paper.tables()]
    figure1 = figure1_of(run, draw)
    tables = [_comparison(table, matched, draw) for table, matched in best_of_families(found)]
    return (*tables, *([figure1] if figure1 is not None else []))


def _comparison(table: PaperTable, matched: tuple[Match, ...], draw: Draw) -> PublishedComparison:
    name = _name(table)
    chart = scatter(table, matched)
    return PublishedComparison(
        name=name,
        paper=table.cited,
        place=table.place,
        title=table.title,
        exact=not any(match.differences for match in matched),
        differences=departure([(match.cell.name, match.differences) for match in matched]),
        note=note_of(table, matched),
        sentences=sentences_of(table, matched),
        tables=tables_of(table, matched, name),
        chart=chart,
        drawing=draw(chart, name),
        alternative=in_words(table, matched),
    )


def _name(table: PaperTable) -> str:
    place = re.sub(r"[^a-z0-9]+", "-", table.place.lower())
    return f"published-{table.paper}-{place}-{table.metric.replace('_', '-')}"
