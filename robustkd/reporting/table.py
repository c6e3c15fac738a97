"""Tables of a report, made once and written as HTML, Markdown, LaTeX and CSV."""

import csv
import io
from dataclasses import dataclass

BELOW = "▼"


@dataclass(frozen=True)
class Cell:
    """One number, as read.

    Attributes:
        text: The number; ``–`` where there is none.
        spread: What stands beside it: ``± 0.3``, or an interval.
        best: The best of its column, or not significantly worse.
        below_baseline: Worse than the independent baseline.
        untrusted: A validity check failed for it.
    """

    text: str
    spread: str = ""
    best: bool = False
    below_baseline: bool = False
    untrusted: bool = False


@dataclass(frozen=True)
class Column:
    """A column's head.

    Attributes:
        title: What it is.
        unit: In which unit; may be empty.
        arrow: ``↑`` higher is better, ``↓`` lower is better, or empty.
        meaning: One sentence.
    """

    title: str
    unit: str = ""
    arrow: str = ""
    meaning: str = ""

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
        name: Of its files.
        corner: Head of the first column.
        columns: Heads of the others.
        rows: A label, and one cell for each column.
        caption: What a reader must know to read it.
        matrix: Whether cells are shaded by value, 0 to 100.
        title: The part of a study that it is of; empty where there is only one.
    """

    name: str
    corner: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    caption: str = ""
    matrix: bool = False
    title: str = ""


def to_markdown(table: Table) -> str:
    """Write a table for GitHub: best in bold, below the baseline marked."""
    lines = [
        "| " + " | ".join(map(_pipe, [table.corner, *(column.head for column in table.columns)])) + " |",
        "|" + "---|" + "--:|" * len(table.columns),
    ]
    for label, cells in table.rows:
        lines.append("| " + " | ".join([_pipe(label), *map(_markdown_cell, cells)]) + " |")
    return "\n".join(lines) + "\n"


def to_latex(table: Table) -> str:
    """Write a booktabs table, ready to be input."""
    heads = [
        table.corner,
        *(f"{column.title} ({column.unit})" if column.unit else column.title for column in table.columns),
    ]
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{tabular}{l" + "r" * len(table.columns) + "}",
        "\\toprule",
        " & ".join(map(_tex, heads)) + " \\\\",
        "\\midrule",
        *(" & ".join([_tex(label), *map(_latex_cell, cells)]) + " \\\\" for label, cells in table.rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def to_csv(table: Table) -> str:
    """Write the numbers as shown; full precision is in the run's ``results``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([table.corner, *(column.head for column in table.columns)])
    for label, cells in table.rows:
        writer.writerow([label, *(" ".join(filter(None, (cell.text, cell.spread))) for cell in cells)])
    return text.getvalue()


def to_text(table: Table) -> list[list[str]]:
    """Give heads and numbers as plain text for a narrow terminal: no spreads, an arrow for the unit's direction."""
    heads = [table.corner, *(column.head for column in table.columns)]
    return [heads, *([label, *map(_text_cell, cells)] for label, cells in table.rows)]


def _text_cell(cell: Cell) -> str:
    return f"{cell.text} {BELOW}" if cell.below_baseline else cell.text


def _markdown_cell(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    text = f"~~{text}~~" if cell.untrusted else text
    return _pipe(" ".join(filter(None, (text, cell.spread, BELOW if cell.below_baseline else ""))))


def _latex_cell(cell: Cell) -> str:
    text = _tex(cell.text)
    text = f"\\textbf{{{text}}}" if cell.best else text
    mark = "$\\blacktriangledown$" if cell.below_baseline else ""
    return " ".join(filter(None, (text, _tex(cell.spread), mark)))


def _pipe(text: str) -> str:
    return text.replace("|", "\\|")


_TEX = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "κ": r"$\kappa$",
    "ε": r"$\varepsilon$",
    "‖": r"$\|$",
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)
