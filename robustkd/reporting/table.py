"""Tables of a report, and their forms as Markdown, LaTeX, CSV and plain text; the page has its own template."""

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass

from robustkd.reporting.escaping import csv_text, latex_text, markdown_text, pipes_escaped

BELOW = "▼"

VOID = "void"
"""Stands for a number whose validity check failed, where it cannot be struck out."""


@dataclass(frozen=True)
class Cell:
    """One number as it is printed.

    Attributes:
        text: The number; ``–`` if there is none.
        spread: The text next to it: ``± 0.3``, or an interval.
        best: Whether it is the best of its column, or not significantly worse (bold).
        below_baseline: Whether it is significantly worse than the independent baseline (▼).
        untrusted: Whether a validity check failed for it (struck out).
        value: The number itself as shown, in the unit of its column; NaN if there is none, or if it is void.
        low: The lower end of its 95% interval, in the same unit; NaN if there is none.
        high: The upper end.
        seeds: The number of seeds that it is a mean over; 1 for a single network.
    """

    text: str
    spread: str = ""
    best: bool = False
    below_baseline: bool = False
    untrusted: bool = False
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seeds: int = 1


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        title: The title.
        unit: The unit; may be empty.
        arrow: ``↑`` if higher is better, ``↓`` if lower is better, or empty.
        meaning: One sentence that explains the column.
        group: The title of the evaluation, for a table with the metrics of several.
        section: The id of its section on the page; empty for none.
    """

    title: str
    unit: str = ""
    arrow: str = ""
    meaning: str = ""
    group: str = ""
    section: str = ""

    @property
    def head(self) -> str:
        """Title, unit and arrow in one line."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.title}{unit}{' ' + self.arrow if self.arrow else ''}"

    @property
    def scale(self) -> str:
        """Unit and arrow."""
        return " ".join(filter(None, (self.unit, self.arrow)))


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: The name of its files.
        corner: The head of the first column.
        columns: The heads of the other columns.
        rows: A label and one cell for each column.
        caption: What a reader must know to read the table.
        matrix: Whether cells are shaded by value, 0 to 100.
        title: The part of a study, or the topic, of the table; empty where there is only one.
    """

    name: str
    corner: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    caption: str = ""
    matrix: bool = False
    title: str = ""


def to_markdown(table: Table) -> str:
    """Return a table in GitHub's Markdown, with all marks."""
    lines = [
        "| " + " | ".join(map(markdown_text, [table.corner, *(column.head for column in table.columns)])) + " |",
        "|" + "---|" + "--:|" * len(table.columns),
    ]
    for label, cells in table.rows:
        lines.append("| " + " | ".join([markdown_text(label), *map(_markdown_cell, cells)]) + " |")
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """Return a booktabs table, ready for pdfLaTeX to input, whatever characters its names hold."""
    heads = [
        table.corner,
        *(f"{column.title} ({column.unit})" if column.unit else column.title for column in table.columns),
    ]
    lines = [
        "% needs \\usepackage{amssymb,booktabs}",
        "\\begin{tabular}{l" + "r" * len(table.columns) + "}",
        "\\toprule",
        _latex_row(map(latex_text, heads)),
        "\\midrule",
        *(_latex_row([latex_text(label), *map(_latex_cell, cells)]) for label, cells in table.rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(cells: Iterable[str]) -> str:
    """A row; without the braces, LaTeX would take a bracket or a star at its beginning for an option."""
    row = " & ".join(cells)
    return ("{}" + row if row.startswith(("[", "*")) else row) + " \\\\"


def to_csv(table: Table) -> str:
    """Return the numbers as printed in CSV; the run's ``results`` have full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([csv_text(table.corner), *(csv_text(column.head) for column in table.columns)])
    for label, cells in table.rows:
        writer.writerow([csv_text(label), *map(_csv_cell, cells)])
    return text.getvalue()


def to_text(table: Table) -> list[list[str]]:
    """Return heads and numbers as plain text for a terminal, without spreads."""
    heads = [table.corner, *(column.head for column in table.columns)]
    return [heads, *([label, *map(_text_cell, cells)] for label, cells in table.rows)]


def _csv_cell(cell: Cell) -> str:
    return VOID if cell.untrusted else " ".join(filter(None, (cell.text, cell.spread)))


def _text_cell(cell: Cell) -> str:
    if cell.untrusted:
        return VOID
    return f"{cell.text} {BELOW}" if cell.below_baseline else cell.text


def _markdown_cell(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    text = f"~~{text}~~" if cell.untrusted else text
    return pipes_escaped(" ".join(filter(None, (text, cell.spread, BELOW if cell.below_baseline else ""))))


def _latex_cell(cell: Cell) -> str:
    if cell.untrusted:
        return VOID
    text = latex_text(cell.text)
    text = f"\\textbf{{{text}}}" if cell.best else text
    mark = "$\\blacktriangledown$" if cell.below_baseline else ""
    return " ".join(filter(None, (text, latex_text(cell.spread), mark)))
