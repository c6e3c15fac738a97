"""The comparison of each student with the independent baseline, or with a control, on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustkd.results.groups import Group, baseline_of, control_of, mean_over_seeds
from robustkd.results.measured import Measured
from robustkd.results.metric import Reference
from robustkd.statistics.studentised import Tested


@dataclass(frozen=True)
class Comparison:
    """A student method compared with its baseline, or with its control.

    Attributes:
        group: The student.
        baseline: The networks that it is compared with.
        value: The student's mean minus the baseline's; NaN where one of them is not defined.
        test: The interval and the test of that difference; None if there is none.
    """

    group: Group
    baseline: Group
    value: float
    test: Tested | None

    @property
    def p_value(self) -> float:
        """The two-sided p-value of no difference; NaN if there is no test."""
        return np.nan if self.test is None else self.test.p_value


def compare_with(reference: Reference, groups: Sequence[Group], found: Measured) -> list[Comparison]:
    """Compare each student that has a baseline (`baseline_of`), or a control (`control_of`), with it.

    Args:
        reference: ``baseline`` or ``control``.
        groups: All methods of the pool.
        found: A metric of their networks.

    Returns:
        One comparison for each such student.
    """
    find = control_of if reference == "control" else baseline_of
    compared = []
    for group in groups:
        baseline = find(group, groups)
        if group.who["role"] != "student" or baseline is None:
            continue
        own, theirs = (mean_over_seeds(found.values[rows]) for rows in (group.rows, baseline.rows))
        if own is None or theirs is None:
            compared.append(Comparison(group, baseline, np.nan, None))
        else:
            test = found.of_difference(group.rows, baseline.rows)
            compared.append(Comparison(group, baseline, own - theirs, test))
    return compared
