"""The cells of a published table that a run measures."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.published.differences import Difference, differences_of, same
from robustkd.reporting.published.paper_table import PaperCell, PaperTable
from robustkd.reporting.published.trained import Trained, trained_in
from robustkd.reporting.run import Run
from robustkd.statistics.intervals import Z


@dataclass(frozen=True)
class Match:
    """A published number and the same number of a run.

    Attributes:
        cell: The published number.
        trained: The method of the run.
        values: The number of each of its networks, in the unit of the table, float (S,).
        image_error: The standard error over test images, in the same unit.
        gain_low: The lower end of the 95% interval of the difference to the baseline; NaN where it is not measured.
        gain_high: The upper end.
        void: Whether a failed validity check voids it.
        differences: Where the run departs from the paper.
    """

    cell: PaperCell
    trained: Trained
    values: np.ndarray
    image_error: float
    gain_low: float
    gain_high: float
    void: bool
    differences: tuple[Difference, ...]

    @property
    def mean(self) -> float:
        """The mean over networks."""
        return float(self.values.mean())

    @property
    def std(self) -> float:
        """The standard deviation over networks; NaN for one."""
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else float("nan")


def matches(table: PaperTable, run: Run) -> tuple[Match, ...]:
    """Find the cells of a table that a run measures, each with the method that fits best.

    Args:
        table: The published table.
        run: The run.

    Returns:
        The matches, in the order of the table; empty where the run is about something else. All of a setting have the
        same student, and none is there if all stand in another table too.
    """
    result = run.result(table.evaluation)
    if result is None or run.provenance["data"]["name"] != table.data:
        return ()
    known = trained_in(run, table.evaluation)
    found: list[Match] = []
    for setting in dict.fromkeys(cell.setting for cell in table.cells):
        cells = [cell for cell in table.cells if cell.setting == setting]
        by_student = [
            _of_setting(table, cells, [each for each in known if each.architecture == student], run, result.frame)
            for student in dict.fromkeys(each.architecture for each in known)
        ]
        found += max(by_student, key=_fit, default=[])
    valid = [match for match in found if not match.void]
    enough = len(valid) >= table.at_least and not all(match.cell.repeated for match in valid)
    return tuple(found) if enough else ()


def _fit(found: Iterable[Match]) -> tuple[int, int]:
    """How well a run fits a table: many cells, few differences."""
    counts = [len(match.differences) for match in found]
    return len(counts), -sum(counts)


def best_of_families(
    found: Iterable[tuple[PaperTable, tuple[Match, ...]]],
) -> list[tuple[PaperTable, tuple[Match, ...]]]:
    """Keep of each family of tables only the one that fits best; tables without a family all stay."""
    kept: dict[object, tuple[PaperTable, tuple[Match, ...]]] = {}
    for table, matched in found:
        key = table.family or (table.place, table.paper, table.metric)
        if matched and (key not in kept or _fit(matched) > _fit(kept[key][1])):
            kept[key] = (table, matched)
    return list(kept.values())


def _of_setting(
    table: PaperTable, cells: Iterable[PaperCell], known: Sequence[Trained], run: Run, frame: pd.DataFrame
) -> list[Match]:
    found = []
    for cell in cells:
        fitting = [_match(table, cell, each, run, frame) for each in known if _measures(table, cell, each)]
        measured = [match for match in fitting if len(match.values)]
        if measured:
            # an entry that carries the name of its method is the plain one among several
            found.append(
                min(measured, key=lambda match: (len(match.differences), match.trained.name != match.cell.method))
            )
    return found


def _measures(table: PaperTable, cell: PaperCell, trained: Trained) -> bool:
    """Whether a method is that of a cell, under its condition, whatever else may differ."""
    return (
        trained.method == cell.method
        and (trained.role == "baseline") == cell.is_baseline
        and trained.condition == cell.condition
        and trained.architecture in (*cell.students, *table.stand_ins)
        and (not table.teacher_tells or trained.teacher in cell.teachers)
        and all(key in trained.settings and same(trained.settings[key], value) for key, value in cell.required.items())
    )


def _match(table: PaperTable, cell: PaperCell, trained: Trained, run: Run, frame: pd.DataFrame) -> Match:
    own = frame[frame["architecture"] == trained.architecture]
    for key, value in (("group", trained.group), ("condition", trained.condition), ("method", trained.name)):
        own = own[own[key] == value]
    rows = own[(own["level"] == "network") & (own["metric"] == table.metric) & own["value"].notna()]
    gain = own[(own["level"] == "method") & (own["metric"] == table.gain_metric)]
    scale = 100.0 if table.unit == "%" else 1.0
    metric = EVALUATIONS[table.evaluation]().metric(table.metric)
    trust = run.trust[table.evaluation]
    return Match(
        cell,
        trained,
        values=scale * rows["value"].to_numpy(dtype=np.float64),
        image_error=scale * float((rows["ci_high"] - rows["ci_low"]).mean()) / (2 * Z) if len(rows) else 0.0,
        gain_low=float(gain["ci_low"].iloc[0]) if len(gain) else math.nan,
        gain_high=float(gain["ci_high"].iloc[0]) if len(gain) else math.nan,
        void=any(trust.voids(row, metric) for _, row in rows.iterrows()),
        differences=differences_of(run, table, cell, trained),
    )
