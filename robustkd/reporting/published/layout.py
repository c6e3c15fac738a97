"""The tables of measured beside published numbers."""

from collections.abc import Sequence

import numpy as np

from robustkd.reporting.captions import titled
from robustkd.reporting.published.agreement import gains
from robustkd.reporting.published.matching import Match
from robustkd.reporting.published.paper_table import PaperTable
from robustkd.reporting.table import Cell, Column, Table
from robustkd.statistics.intervals import ROUNDING

BRACKETS = "In brackets: differences that follow from another protocol, not from the method."


def tables_of(table: PaperTable, matched: Sequence[Match], name: str) -> tuple[Table, ...]:
    """Lay out measured beside published numbers, a table for each setting.

    Args:
        table: The published table.
        matched: Its cells that the run measures.
        name: The name of the files.
    """
    settings = list(dict.fromkeys(match.cell.setting for match in matched))
    exact = not any(match.differences for match in matched)
    laid = [
        _of_setting(table, [match for match in matched if match.cell.setting == setting], name, exact)
        for setting in settings
    ]
    return tuple(titled(each, setting) for each, setting in zip(laid, settings, strict=True))


def decimals_of(table: PaperTable) -> int:
    """Return the number of decimals that papers print: two of percentages, three of others."""
    return 2 if table.unit == "%" else 3


def signed(value: float, decimals: int) -> str:
    """Write a difference with its sign; one that rounds to 0 is +0."""
    text = f"{value:+.{decimals}f}"
    return (text.replace("-", "+") if float(text) == 0 else text).replace("-", "−")


def _of_setting(table: PaperTable, matched: Sequence[Match], name: str, exact: bool) -> Table:
    decimals = decimals_of(table)
    known = {gain.match.cell.name: gain for gain in gains(matched)}
    rows = []
    for match in matched:
        gain, cell = known.get(match.cell.name), match.cell
        away = match.mean - cell.mean
        cells = [
            _plain(match.mean, match.std, decimals, len(match.values), match.void),
            _plain(cell.mean, cell.std, decimals, max(cell.trainings, 1)),
            _difference(away, decimals, match.void, exact),
            _difference(away / cell.std if cell.std > ROUNDING else np.nan, 1, match.void, exact),
        ]
        if known:
            both = (np.nan, np.nan) if gain is None else (gain.measured, gain.published)
            cells += [_difference(value, decimals) for value in both]
        rows.append((cell.name, tuple(cells)))
    caption = "" if exact else BRACKETS
    return Table(name, table.rows.capitalize(), _columns(table, bool(known)), tuple(rows), caption)


def _columns(table: PaperTable, with_gains: bool) -> tuple[Column, ...]:
    what = table.title_of_metric
    points = "points" if table.unit == "%" else table.unit
    columns = [
        Column("Measured", table.unit, meaning=f"The {what} in this run: mean and standard deviation over seeds."),
        Column(
            "Published", table.unit, meaning=f"The {what} in the paper, with its standard deviation where it has one."
        ),
        Column("Difference", points, meaning="Measured minus published."),
        Column("Difference", "published std", meaning="The same in standard deviations of the paper."),
    ]
    if with_gains:
        difference = table.difference.capitalize()
        columns += [
            Column(f"{difference}, measured", points, meaning="The difference to the baseline in this run."),
            Column(f"{difference}, published", points, meaning="The difference to the baseline in the paper."),
        ]
    return tuple(columns)


def _plain(mean: float, std: float, decimals: int, seeds: int, void: bool = False) -> Cell:
    spread = "" if np.isnan(std) or void else f"± {std:.{decimals}f}"
    return Cell(f"{mean:.{decimals}f}", spread, untrusted=void, value=mean, seeds=seeds)


def _difference(value: float, decimals: int, void: bool = False, exact: bool = True) -> Cell:
    if np.isnan(value):
        return Cell("–")
    text = signed(value, decimals)
    return Cell(text if exact else f"({text})", untrusted=void, value=float(value))
