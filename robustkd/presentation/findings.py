"""What was found of each student, as sentences that every evaluation words alike."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from robustkd.results.groups import WHO, Group, baseline_of, groups_of
from robustkd.results.tidy import VOID


@dataclass(frozen=True)
class Finding:
    """A student's difference to the independent baseline, for a sentence.

    Attributes:
        student: Its name.
        value: The metric itself.
        difference: To the baseline; NaN without one.
        low: Of the difference's interval.
        high: Of the difference's interval.
        why: Why there is no difference, if there is none; empty for want of any baseline.
    """

    student: str
    value: float
    difference: float
    low: float
    high: float
    why: str = ""


NO_FAIR_BASELINE = "there is no independent baseline of its architecture"

NOT_DEFINED = "no image is eligible there"

NOT_TRUSTED = "a validity check failed"

ABSENT = pd.Series({"value": np.nan, "ci_low": np.nan, "ci_high": np.nan, "interval": ""})
"""Stands for the row of a difference where there is none."""


def student_findings(frame: pd.DataFrame, metric: str, difference: str) -> list[Finding]:
    """Collect each student's value and its difference to the baseline, for the sentences of a headline.

    Args:
        frame: Tidy results.
        metric: Rows of this metric give the value.
        difference: Rows of this metric give the difference, where there are any.

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
        numbers = (row["value"], against["value"], against["ci_low"], against["ci_high"])
        found.append(Finding(str(row["member"]), *numbers, why_no_difference(row, against, groups)))
    return found


def why_no_difference(student: pd.Series, against: pd.Series, groups: list[Group]) -> str:
    """Say why a student's difference to the baseline is absent.

    Args:
        student: A row of its own.
        against: The row of the difference, or one without a value.
        groups: All groups of the pool.

    Returns:
        The reason; empty where there is a difference, or no baseline at all.
    """
    if not pd.isna(against["value"]):
        return ""
    if against["interval"] == VOID:
        return NOT_TRUSTED
    if not any(group.who["role"] == "baseline" for group in groups):
        return ""
    own = next(group for group in groups if all(group.who[key] == student[key] for key in WHO))
    return NO_FAIR_BASELINE if baseline_of(own, groups) is None else NOT_DEFINED
