"""Do two runs hold the same numbers?"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from robustkd.errors import BadInputError
from robustkd.results.storage import load_results

KEYS = ["group", "level", "member", "source", "condition", "seed", "metric", "part", "strength"]
NUMBERS = ["value", "ci_low", "ci_high", "std", "n_seeds", "n", "p_holm"]


@dataclass(frozen=True)
class Difference:
    """A cell in which two runs differ.

    Attributes:
        place: Evaluation, row and column.
        first: In the first run; None where it has no such cell.
        second: In the second run.
    """

    place: str
    first: float | None
    second: float | None


def compare_runs(first: Path, second: Path, tolerance: float = 0.0) -> tuple[int, list[Difference]]:
    """Compare all results of two runs, cell by cell.

    Args:
        first: A run directory.
        second: Another.
        tolerance: Largest absolute difference that counts as equal; 0 for bit for bit.

    Returns:
        How many cells were compared, and the cells that differ.

    Raises:
        BadInputError: One of them is not a run.
    """
    cells_1, cells_2 = _cells(first), _cells(second)
    differences = []
    for place in dict.fromkeys([*cells_1, *cells_2]):
        value_1, value_2 = cells_1.get(place), cells_2.get(place)
        if value_1 is None or value_2 is None or abs(value_1 - value_2) > tolerance:
            differences.append(Difference(place, value_1, value_2))
    return len({*cells_1, *cells_2}), differences


def _cells(run: Path) -> dict[str, float]:
    """All numbers of a run by place; absent values are absent cells."""
    if not (run / "results").is_dir():
        raise BadInputError(f"{run}: not a run (it has no results)")
    cells = {}
    for result in load_results(run / "results"):
        seen: Counter[str] = Counter()
        for _, row in result.frame.iterrows():
            told = [str(row[key]) for key in KEYS if pd.notna(row[key]) and row[key] != ""]
            place = f"{result.evaluation}: {' '.join(told)}"
            seen[place] += 1
            place += f" ({seen[place]})" if seen[place] > 1 else ""  # so that no row hides another
            for number in NUMBERS:
                if pd.notna(row[number]):
                    cells[f"{place}: {number}"] = float(row[number])
    return cells
