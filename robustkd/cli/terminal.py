"""What the command line prints: results, plans, and times as people write them."""

import re
import sys
from typing import TYPE_CHECKING

from robustkd.progress import duration

if TYPE_CHECKING:
    from robustkd.studies import Evaluated
    from robustkd.studies.outlook import Outlook, Row

FRAME = 3
"""Characters of a column beside its text: a border, and a space on either side."""

ROWS_SHOWN = 60
"""Of a plan; of more, those that differ in their seed alone are summed."""


def show_results(evaluated: "Evaluated") -> None:
    """Print a run's first table, its findings, and where its page is."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from robustkd.reporting import compose
    from robustkd.reporting.table import to_text

    report = compose(evaluated.path)
    console = Console()
    for summary in report.summaries[:1]:
        cells = to_text(summary)
        for columns in columns_that_fit(cells, console.width):
            table = Table()
            at_ease = 1 + sum(FRAME + max(len(row[column]) for row in cells) for column in columns)
            for column in columns:
                width = None if at_ease <= console.width else narrowest(cells, column)
                table.add_column(escape(cells[0][column]), width=width)
            for row in cells[1:]:
                table.add_row(*(escape(row[column]) for column in columns))
            console.print(table)
    for section in [section for section in report.sections if section.brief]:
        for sentence in section.sentences:
            console.print(f"• {escape(sentence)}", highlight=False)
    if report.caution:
        console.print(escape(report.caution), highlight=False)
    failed = sum(not check.passed for check in report.checks)
    print(f"{len(report.checks) - failed} of {len(report.checks)} validity checks passed")
    print(evaluated.page)


def show_outlook(found: "Outlook", devices: list[int], *, every_job: bool) -> None:
    """Print a plan: its jobs, and what they take on so many devices."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("what", "name", "state", "waits for", "takes")
    shown = found.rows if every_job or len(found.rows) <= ROWS_SHOWN else _summed(found.rows)
    for row in shown:
        takes = duration(row.seconds) if row.seconds else "–"
        table.add_row(row.kind, escape(row.name), row.state, escape(row.waits_for), takes)
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    if found.absent:
        print(
            f"{', '.join(found.absent)}: not found here, taken as nothing done yet; robustkd doctor says where it looks"
        )
    todo, known = len(found.waiting), len(found.from_history)
    print(
        f"{todo} trainings to do on {found.device}; speeds of {known} from earlier jobs, the others measured just now"
    )
    print(f"all of it, one after another: {duration(found.total)}; longest chain of trainings: {duration(found.chain)}")
    for count in devices:
        print(f"trainings on {count} device{'s' if count > 1 else ''}: {duration(found.on(count))}")


def columns_that_fit(cells: list[list[str]], width: int) -> list[list[int]]:
    """Divide a table that is too wide into narrower ones, none of which cuts a word.

    Args:
        cells: Rows of equally many texts, the heads first, which may be wrapped between words.
        width: Characters of a line.

    Returns:
        For each table its columns; the first one, which names the rows, is in all.
    """
    wide = [FRAME + narrowest(cells, column) for column in range(len(cells[0]))]
    tables: list[list[int]] = [[0]]
    for column in range(1, len(wide)):
        if len(tables[-1]) > 1 and 1 + sum(wide[each] for each in [*tables[-1], column]) > width:
            tables.append([0])
        tables[-1].append(column)
    return tables


def narrowest(cells: list[list[str]], column: int) -> int:
    """Give the characters that a column needs: of the longest word of its head, or of its longest text."""
    head, *texts = (row[column] for row in cells)
    return max(len(text) for text in [*head.split(), *texts, ""])


def _summed(rows: "list[Row]") -> "list[Row]":
    """One row for all trainings of a kind that differ in their seed alone and are equally far."""
    from dataclasses import replace

    grouped: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        alike = re.sub(r"-\d+(?=,|$)", "", row.name, count=1)
        grouped.setdefault((row.kind, alike, row.state), []).append(row)
    return [
        replace(
            held[0],
            name=name if len(held) == 1 else f"{name} × {len(held)}",
            waits_for=re.sub(r"-\d+(?=,| |$)", "", held[0].waits_for),
            seconds=sum(row.seconds for row in held),
        )
        for (_, name, _), held in grouped.items()
    ]
