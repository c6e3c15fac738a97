"""The words above and below the tables of a report, and the legend of their marks."""

from collections.abc import Iterable
from dataclasses import replace

from robustkd.reporting.file_names import file_name
from robustkd.reporting.table import BELOW, Table


def legend(tables: Iterable[Table]) -> str:
    """Explain the marks that occur in the tables of a report; `results/marks.py` has the rule behind them.

    Args:
        tables: All tables of the report.

    Returns:
        A sentence for each kind of mark; empty if there are no marks.
    """
    cells = [cell for table in tables for _, row in table.rows for cell in row]
    spreads = [cell.spread for cell in cells]
    bold, below = (any(getattr(cell, mark) for cell in cells) for mark in ("best", "below_baseline"))
    told = {
        "Bold: the best value, or not significantly worse than the best.": bold,
        f"{BELOW}: significantly worse than the independent baseline.": below,
        "Significance: Student's t over test images and seeds, corrected for the number of methods (Holm).": bold
        or below,
        "Struck out: a validity check failed for this number.": any(cell.untrusted for cell in cells),
        "±: standard deviation over seeds.": any(spread.startswith("±") for spread in spreads),
        "[ ]: 95% interval over test images, and over seeds for methods with three or more.": any(
            spread.startswith("[") for spread in spreads
        ),
        "t[ ]: 95% interval over seeds, on these test images.": any(spread.startswith("t[") for spread in spreads),
    }
    return " ".join(sentence for sentence, used in told.items() if used)


def captions_once(tables: list[Table]) -> list[Table]:
    """Keep a caption that several tables share only under the last of them."""
    last = {table.caption: index for index, table in enumerate(tables)}
    return [table if last[table.caption] == index else replace(table, caption="") for index, table in enumerate(tables)]


def titled(table: Table, title: str) -> Table:
    """Put the part of a study, or the topic, above a table and into its name."""
    if not title:
        return table
    return replace(table, name=f"{table.name}-{file_name(title)}", title=": ".join(filter(None, (title, table.title))))
