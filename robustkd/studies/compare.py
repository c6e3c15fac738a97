"""Compare the results of two runs."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from robustkd.errors import BadInputError
from robustkd.reporting.run_file import to_come
from robustkd.results.storage import load_tables

KEYS = ["group", "level", "member", "source", "condition", "seed", "metric", "part", "strength"]
NUMBERS = ["value", "ci_low", "ci_high", "std", "n_seeds", "n", "p_value"]


@dataclass(frozen=True)
class Difference:
    """A number in which two runs differ.

    Attributes:
        place: Evaluation, row and column.
        first: The number in the first run; None if it has none there.
        second: The number in the second run; None if it has none there.
    """

    place: str
    first: float | None
    second: float | None


def compare_runs(first: Path, second: Path, tolerance: float = 0.0) -> tuple[int, list[Difference]]:
    """Compare all numbers of two runs.

    Args:
        first: The first run directory.
        second: The second run directory.
        tolerance: The largest absolute difference that counts as equal; 0 asks for identical bits.

    Returns:
        How many numbers were compared, and those that differ.

    Raises:
        BadInputError: One of the directories is not a run, or its study is not finished.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import robustkd as rk
    >>> text = '''
    ... name: example
    ... data: {name: digits, train_images: 100}
    ... students: {architecture: cifar_wrn_10_1, methods: [baseline], seeds: 0}
    ... training: {epochs: 1, milestones: []}
    ... evaluations: [generalization]
    ... '''
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name) / "study.yaml"
    >>> _ = file.write_text(text)
    >>> study = rk.load_study(file, ("training.epochs=2",))
    >>> report = rk.run_study(study, Path(folder.name) / "run", device="cpu")
    >>> compared, differences = rk.compare_runs(report.path, report.path)
    >>> compared > 0, differences
    (True, [])
    >>> folder.cleanup()
    """
    cells_1, cells_2 = _cells(first), _cells(second)
    differences = []
    for place in dict.fromkeys([*cells_1, *cells_2]):
        value_1, value_2 = cells_1.get(place), cells_2.get(place)
        if value_1 is None or value_2 is None or abs(value_1 - value_2) > tolerance:
            differences.append(Difference(place, value_1, value_2))
    return len({*cells_1, *cells_2}), differences


def _cells(run: Path) -> dict[str, float]:
    """All numbers of a run, by their place in the results, without missing values."""
    if not (run / "results").is_dir():
        raise BadInputError(f"{run}: is not a run (it has no results)")
    if left := to_come(run):
        raise BadInputError(f"{run}: the study is not finished; still to come: {', '.join(left)}")
    cells = {}
    for evaluation, frame in load_tables(run / "results").items():
        seen: Counter[str] = Counter()
        for _, row in frame.iterrows():
            told = [str(row[key]) for key in KEYS if pd.notna(row[key]) and row[key] != ""]
            place = f"{evaluation}: {' '.join(told)}"
            seen[place] += 1
            place += f" ({seen[place]})" if seen[place] > 1 else ""  # no row may hide another
            for number in NUMBERS:
                if pd.notna(row[number]):
                    cells[f"{place}: {number}"] = float(row[number])
    return cells
