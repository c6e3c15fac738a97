"""A report in brief: plain text for a terminal, HTML for a notebook."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup, escape

from robustkd.reporting import Report
from robustkd.reporting.table import BELOW, Cell, Table, to_text

WIDTH = 100
ROWS = 10
HEADLINE_LINES = 12
LISTED = 3
"""The failed checks that are listed, and the missing networks and evaluations."""


def summary_text(report: Report, missing: Mapping[str, str], page: Path) -> str:
    """Summarise a report in at most 40 lines: scoreboard, headlines, failed checks, what is missing, and its place.

    Args:
        report: The report.
        missing: The networks and evaluations that are missing, and why.
        page: The page of the whole report.

    Returns:
        The text, in lines of at most 100 characters; the line with the path may be longer.
    """
    lines = [_short(report.title), ""]
    for table in report.summaries[:1]:
        lines += [*_table_lines(to_text(table)), ""]
    lines += _limited(
        [
            line
            for sentence in headlines(report)
            for line in textwrap.wrap(f"• {sentence}", WIDTH, subsequent_indent="  ")
        ],
        HEADLINE_LINES,
        "lines",
    )
    lines += [_checks_sentence(report), *_listed(_failed_checks(report))]
    if missing:
        lines += ["Missing:", *_listed([f"{name}: {why}" for name, why in missing.items()])]
    return "\n".join([*lines, f"Report: {page}"])


def summary_html(report: Report, missing: Mapping[str, str], page: Path) -> str:
    """Summarise a report as HTML: scoreboard and headlines; every name that came from a user is escaped.

    Args:
        report: The report.
        missing: The networks and evaluations that are missing, and why.
        page: The page of the whole report.

    Returns:
        A fragment for a notebook.
    """
    tables = [_table_html(table) for table in report.summaries[:1]]
    failing = [*_failed_checks(report), *(f"missing: {name}: {why}" for name, why in missing.items())]
    parts = [
        Markup("<h4>{}</h4>").format(report.title),
        *tables,
        _list_html(headlines(report)),
        Markup("<p>{}</p>").format(_checks_sentence(report)),
        _list_html(failing),
        Markup("<p>Report: <code>{}</code></p>").format(page),
    ]
    return str(Markup("<div>{}</div>").format(Markup("").join(parts)))


def headlines(report: Report) -> list[str]:
    """Return the sentences that are about the whole study, not about one of several parts."""
    return [sentence for section in report.sections if section.brief for sentence in section.sentences]


def _checks_sentence(report: Report) -> str:
    failed = sum(not check.passed for check in report.checks)
    return f"{len(report.checks) - failed} of {len(report.checks)} validity checks passed."


def _failed_checks(report: Report) -> list[str]:
    lines = [f"failed: {check.name}: {check.detail}" for check in report.checks if not check.passed]
    return list(dict.fromkeys(lines))  # evaluations may share a check that concerns different metrics


def _listed(entries: Sequence[str]) -> list[str]:
    return _limited([f"  {_short(entry)}" for entry in entries], LISTED, "more")


def _limited(lines: list[str], most: int, noun: str) -> list[str]:
    left = len(lines) - most + 1
    return lines if len(lines) <= most else [*lines[: most - 1], f"  … {left} {noun} in the report"]


def _short(text: str) -> str:
    return textwrap.shorten(text, WIDTH - 4, placeholder=" …")


def _table_lines(cells: list[list[str]]) -> list[str]:
    """Lay out a table: its first rows, and as many columns as fit beside each other."""
    widths = [_width(head, [row[column] for row in cells[1:]]) for column, head in enumerate(cells[0])]
    shown, total = 1, widths[0]
    while shown < len(widths) and total + 2 + widths[shown] <= WIDTH:
        total += 2 + widths[shown]
        shown += 1
    heads = [textwrap.wrap(head, width) or [""] for head, width in zip(cells[0][:shown], widths, strict=False)]
    height = max(map(len, heads))
    wrapped = [[*[""] * (height - len(head)), *head] for head in heads]
    rows = [*([head[line] for head in wrapped] for line in range(height)), *cells[1 : ROWS + 1]]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(row[column].rjust(widths[column]) for column in range(1, shown))]
        ).rstrip()
        for row in rows
    ]
    left_out = [f"{len(cells) - 1 - ROWS} rows"] if len(cells) - 1 > ROWS else []
    left_out += [f"{len(widths) - shown} columns"] if shown < len(widths) else []
    return [*lines, *([f"… {' and '.join(left_out)} more in the report"] if left_out else [])]


def _width(head: str, texts: Sequence[str]) -> int:
    """The width of a column: that of its longest cell, and of its head in about three lines."""
    return max(len(head) // 3 + 2, *(len(text) for text in [*head.split(), *texts]))


def _table_html(table: Table) -> Markup:
    heads = Markup("").join(
        Markup('<th title="{}">{}</th>').format(column.meaning, column.head) for column in table.columns
    )
    rows = Markup("").join(
        Markup("<tr><th>{}</th>{}</tr>").format(label, Markup("").join(map(_cell_html, cells)))
        for label, cells in table.rows
    )
    return Markup("<table><thead><tr><th>{}</th>{}</tr></thead><tbody>{}</tbody></table>").format(
        table.corner, heads, rows
    )


def _cell_html(cell: Cell) -> Markup:
    text = Markup("<b>{}</b>").format(cell.text) if cell.best else escape(cell.text)
    text = Markup("<s>{}</s>").format(text) if cell.untrusted else text
    marks = " ".join(filter(None, (cell.spread, BELOW if cell.below_baseline else "")))
    return Markup("<td>{} <small>{}</small></td>").format(text, marks) if marks else Markup("<td>{}</td>").format(text)


def _list_html(entries: Sequence[str]) -> Markup:
    items = Markup("").join(Markup("<li>{}</li>").format(entry) for entry in entries)
    return Markup("<ul>{}</ul>").format(items) if entries else Markup("")
