"""The rows of the test whether students are told from independent networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.groups import Group, groups_of
from robustkd.results.metric import Metric
from robustkd.results.tidy import method_row
from robustkd.statistics.separation import MOST_EXACT, separation

ALL = "all students"
"""The part of the results that takes the students of all methods together."""

CANNOT_TELL = "cannot tell"
"""What the column `interval` begins with where the networks are too few."""

INDEPENDENT = ("baseline", "control")
"""The roles of networks that did not learn from the teacher."""

FEWEST = 5
"""The fewest networks that can tell."""

LEVEL = 0.05
"""The significance level."""


def told_apart(members: pd.DataFrame, values: np.ndarray, metric: Metric) -> list[dict[str, Any]]:
    """Return the AUROC and its test for each student method, and for all students together.

    Students are compared with the baselines and controls of their architecture, or with all if there are none of it;
    without any there is no row.

    Args:
        members: One row per network.
        values: The statistic of each network, float64 (M,), NaN where not defined.
        metric: The metric of the AUROC.
    """
    methods = groups_of(members)
    students = [group for group in methods if group.who["role"] == "student"]
    if not any(group.who["role"] in INDEPENDENT for group in methods):
        return []
    rows = [{**method_row(group, metric), **_tested(group.rows, group, methods, values)} for group in students]
    if len(students) > 1:
        together = np.concatenate([group.rows for group in students])
        named = {"level": "detail", "part": ALL, "n_seeds": len(together)}
        rows.append(method_row(students[0], metric) | named | _tested(together, students[0], methods, values))
    return rows


def _tested(rows: np.ndarray, group: Group, methods: list[Group], values: np.ndarray) -> dict[str, Any]:
    independent = [other for other in methods if other.who["role"] in INDEPENDENT]
    same = [other for other in independent if other.who["architecture"] == group.who["architecture"]]
    others = np.concatenate([other.rows for other in same or independent])
    found = separation(values[rows], values[others])
    networks = int((~np.isnan(values[rows])).sum()), int((~np.isnan(values[others])).sum())
    known = {"value": found.auroc, "n": sum(networks)}
    if sum(networks) < FEWEST:
        return known | {"interval": f"{CANNOT_TELL}: {_count(networks)} are fewer than {_word(FEWEST)} networks"}
    if found.lowest > LEVEL:
        return known | {"interval": f"{CANNOT_TELL}: {_count(networks)} cannot give a p-value below {found.lowest:.2f}"}
    test = "exact permutation test" if found.exact else f"permutation test, {MOST_EXACT:,} draws"
    return known | {"p_value": found.p_value, "interval": f"{test} of {_count(networks)}"}


def _count(networks: tuple[int, int]) -> str:
    students, others = networks
    said = f"{students} student{'s' * (students != 1)} and "
    if others == 0:  # the errors of a single baseline are not compared with themselves
        return said + "no independent network besides the one whose errors are looked at"
    return said + f"{others} independent network{'s' * (others != 1)}"


def _word(number: int) -> str:
    return {5: "five"}.get(number, str(number))
