"""The summary of a run on the command line: its first table, its findings, and the path of its page."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from robustkd.errors import printable

if TYPE_CHECKING:
    from robustkd.results.records import Check
    from robustkd.studies import Evaluated

FRAME = 3
"""The characters of a column beside its text: a border, and a space on either side."""

NETWORKS_NAMED = 3
"""The largest number of networks that are named behind a check; of more, their number is printed."""


def show_results(evaluated: "Evaluated") -> bool:
    """Print the results of a run.

    Args:
        evaluated: The results.

    Returns:
        Whether no network and no evaluation is missing.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from robustkd.reporting import compose
    from robustkd.reporting.table import to_text

    report = compose(evaluated.path)
    console = Console()
    for summary in report.summaries[:1]:
        cells = [[printable(text) for text in row] for row in to_text(summary)]
        for columns in columns_that_fit(cells, console.width):
            table = Table()
            at_ease = 1 + sum(FRAME + max(len(row[column]) for row in cells) for column in columns)
            for column in columns:
                width = None if at_ease <= console.width else narrowest(cells, column)
                table.add_column(escape(cells[0][column]), width=width, justify="right" if column else "left")
            for row in cells[1:]:
                table.add_row(*(escape(row[column]) for column in columns))
            console.print(table)
    for section in [section for section in report.sections if section.brief]:
        for sentence in section.sentences:
            console.print(f"• {escape(printable(sentence))}", highlight=False)
    if report.caution:
        console.print(escape(report.caution), highlight=False)
    failed = [check for check in report.checks if not check.passed]
    print(f"{len(report.checks) - len(failed)} of {len(report.checks)} validity checks passed")
    for line in failed_checks(failed):
        console.print(f"failed: {escape(printable(line))}", highlight=False)
    print(evaluated.page)
    for name, reason in evaluated.missing.items():
        print(f"missing: {printable(f'{name}: {reason}')}", file=sys.stderr)
    return not evaluated.missing


def failed_checks(failed: "Sequence[Check]") -> list[str]:
    """Describe failed checks, a line for each kind: the networks it failed for, and the detail if there is only one.

    Args:
        failed: The failed checks.
    """
    kinds: dict[str, list[Check]] = {}
    for check in failed:
        kinds.setdefault(check.name, []).append(check)
    lines = []
    for name, checks in kinds.items():
        members = list(dict.fromkeys(check.member for check in checks if check.member))
        named = ", ".join(members) if len(members) <= NETWORKS_NAMED else f"{len(members)} networks"
        detail = f": {checks[0].detail}" if len(checks) == 1 else ""
        lines.append(f"{name}{f' ({named})' if members else ''}{detail}")
    return lines


def columns_that_fit(cells: list[list[str]], width: int) -> list[list[int]]:
    """Divide a table that is too wide into narrower ones, without cutting a word.

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
    """Return the width of a column in characters: that of the longest word of its head or of its longest text."""
    head, *texts = (row[column] for row in cells)
    return max(len(text) for text in [*head.split(), *texts, ""])
