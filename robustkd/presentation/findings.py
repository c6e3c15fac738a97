"""The result for each student: its value, and its difference to the independent baseline."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from robustkd.results.groups import WHO, Group, baseline_of, groups_of
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.results.tidy import VOID

NO_FAIR_BASELINE = "there is no independent baseline of its architecture"

NOT_DEFINED = "no image is eligible"

NOT_TRUSTED = "a validity check failed"

ABSENT = pd.Series({"value": np.nan, "ci_low": np.nan, "ci_high": np.nan, "interval": "", "p_value": np.nan})
"""Takes the place of the row of a difference that does not exist."""


@dataclass(frozen=True)
class Finding:
    """A student's value and its difference to the independent baseline, for a sentence.

    Attributes:
        student: The name of the student.
        value: The value of the metric.
        difference: The value minus the baseline's; NaN without a baseline.
        low: The lower end of the difference's interval.
        high: The upper end.
        p_value: The two-sided p-value of no difference; NaN if there is no test.
        why: Why there is no difference; empty where there is one, or no baseline at all.
        seeds: The number of the student's networks, one for each seed.
        baseline_seeds: The number of its baseline's networks.
    """

    student: str
    value: float
    difference: float
    low: float
    high: float
    p_value: float
    why: str = ""
    seeds: int = SEEDS_TO_RANK
    baseline_seeds: int = SEEDS_TO_RANK

    @property
    def few_seeds(self) -> bool:
        """Whether a side has too few seeds to speak of methods: the difference is between these networks then."""
        return min(self.seeds, self.baseline_seeds) < SEEDS_TO_RANK


def student_findings(frame: pd.DataFrame, metric: str, difference: str) -> list[Finding]:
    """Collect each student's value and its difference to the baseline, for the sentences of a headline.

    Args:
        frame: Tidy results.
        metric: The metric whose rows hold the values.
        difference: The metric whose rows hold the differences; there may be none.

    Returns:
        One finding for each method, or for each network where there are no rows of methods; none where the value itself
        is void.
    """
    level = "method" if (frame["level"] == "method").any() else "network"
    chosen = frame[(frame["level"] == level) | (frame["level"] == "pair")]
    students = chosen[(chosen["metric"] == metric) & (chosen["role"] == "student") & (chosen["interval"] != VOID)]
    differences = chosen[chosen["metric"] == difference].set_index("member")
    groups = groups_of(chosen)
    found = []
    for _, row in students.iterrows():
        against = differences.loc[row["member"]] if row["member"] in differences.index else ABSENT
        numbers = (row["value"], against["value"], against["ci_low"], against["ci_high"], against["p_value"])
        why, seeds = why_no_difference(row, against, groups), seeds_of(row, chosen, groups)
        found.append(Finding(str(row["member"]), *numbers, why, *seeds))
    return found


def why_no_difference(student: pd.Series, against: pd.Series, groups: Sequence[Group]) -> str:
    """Return why a student has no difference to the baseline.

    Args:
        student: A row of the student.
        against: The row of the difference, or `ABSENT`.
        groups: All methods of the pool.

    Returns:
        The reason; empty where there is a difference, or no baseline at all.
    """
    if not pd.isna(against["value"]):
        return ""
    if against["interval"] == VOID:
        return NOT_TRUSTED
    if not any(group.who["role"] == "baseline" for group in groups):
        return ""
    return NO_FAIR_BASELINE if baseline_of(_group_of(student, groups), groups) is None else NOT_DEFINED


def seeds_of(student: pd.Series, frame: pd.DataFrame, groups: Sequence[Group]) -> tuple[int, int]:
    """Count the seeds of a student and of its baseline.

    Args:
        student: A row of the student.
        frame: The rows of the pool.
        groups: `groups_of` these rows.

    Returns:
        Both numbers; without a baseline the student's twice.
    """
    own = _group_of(student, groups)
    baseline = baseline_of(own, groups) or own
    return _seeds(frame, own), _seeds(frame, baseline)


def _group_of(student: pd.Series, groups: Sequence[Group]) -> Group:
    return next(
        group
        for group in groups
        if group.method == student["method"] and all(group.who[key] == student[key] for key in WHO)
    )


def _seeds(frame: pd.DataFrame, group: Group) -> int:
    """Rows of a method say how many seeds it has; rows of networks are as many as there are seeds."""
    stated, members = (frame[column].iloc[group.rows] for column in ("n_seeds", "member"))
    return max(int(stated.fillna(1).max()), members.nunique())
