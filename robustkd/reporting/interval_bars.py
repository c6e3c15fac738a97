"""The thin bars in the cells of a scoreboard: a value and its interval on the scale of its column."""

import math
from dataclasses import dataclass

from robustkd.reporting.table import Cell, Table


@dataclass(frozen=True)
class Bar:
    """A bar, in percent of the width of its cell.

    Attributes:
        start: Where the interval begins.
        width: How wide the interval is.
        mark: Where the value is.
        zero: Where zero is; None where the column does not contain it.
    """

    start: float
    width: float
    mark: float
    zero: float | None


def interval_bars(table: Table) -> list[list[Bar | None]]:
    """Place the values of a table and their intervals on the scales of their columns.

    Args:
        table: The table.

    Returns:
        A bar for each cell, by row; None where there is no number, no interval, or a failed check voids it.
    """
    columns = [_column([cells[index] for _, cells in table.rows]) for index in range(len(table.columns))]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in table.rows]


def _column(cells: list[Cell]) -> list[Bar | None]:
    drawn = [cell for cell in cells if _is_drawn(cell)]
    if not drawn:
        return [None] * len(cells)
    low = min(min(cell.low, cell.value) for cell in drawn)
    span = max(max(cell.high, cell.value) for cell in drawn) - low
    if span <= 0:
        return [None] * len(cells)

    def place(value: float) -> float:
        return round(100 * (value - low) / span, 1)

    zero = place(0.0) if low < 0 < low + span else None
    return [
        Bar(place(cell.low), round(100 * (cell.high - cell.low) / span, 1), place(cell.value), zero)
        if _is_drawn(cell)
        else None
        for cell in cells
    ]


def _is_drawn(cell: Cell) -> bool:
    return not cell.untrusted and all(map(math.isfinite, (cell.value, cell.low, cell.high)))
