"""From the courses of networks to tidy results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from robustkd.evaluations.course.courses import MEASURES
from robustkd.evaluations.course.growth import epochs_to_most, last_value, late_change
from robustkd.results.groups import Group, groups_of, mean_over_seeds, std_over_seeds
from robustkd.results.measured import of_test
from robustkd.results.metric import Metric
from robustkd.results.tidy import method_row, network_row
from robustkd.results.value_rows import value_rows
from robustkd.statistics.intervals import ROUNDING, T_SEEDS
from robustkd.statistics.studentised import FEWEST_SEEDS, OverImages, Side, Tested, clipped, t_test

READINGS = {
    **{f"final_{measure}": (last_value, measure) for measure in MEASURES},
    **{f"late_{measure}_change": (late_change, measure) for measure in MEASURES},
    **{f"epochs_to_{measure}": (epochs_to_most, measure) for measure in ("accuracy", "agreement")},
}
"""What is read from which curve, by the name of the metric."""


def value_and_change_rows(
    members: pd.DataFrame, arrays: Mapping[str, np.ndarray], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Lay out the metrics of `READINGS` of each network, and of each method as the mean over its seeds.

    Args:
        members: One row per network.
        arrays: The courses (networks, points), as `in_one_array` stacks them.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`, with the interval over seeds; a p-value, that of no change, for changes alone.
    """
    rows = []
    for metric in metrics:
        if metric.name not in READINGS:
            continue
        read, measure = READINGS[metric.name]
        values = np.array([read(*curve) for curve in zip(arrays["epoch"], arrays[measure], strict=True)])
        rows += [row for row in value_rows(members, values, metric) if row["level"] == "network"]
        for group in groups_of(members):
            rows.append(_of_method(group, values[group.rows], metric, tested=read is late_change))
    return rows


def curve_rows(
    members: pd.DataFrame, arrays: Mapping[str, np.ndarray], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Lay out the curves: the mean over the seeds of each method, and where there are several seeds each network's.

    Args:
        members: One row per network.
        arrays: The courses (networks, points), as `in_one_array` stacks them.
        metrics: The metrics of the evaluation.

    Returns:
        Rows of level ``detail``, whose `strength` is the number of epochs done. A mean is that of all networks of the
        method: there is none where one of them was not measured.
    """
    named = {metric.name: metric for metric in metrics}
    rows: list[dict[str, Any]] = []
    for group in groups_of(members):
        for measure in MEASURES:
            rows += _curves(group, members, arrays["epoch"], arrays[measure], named[f"course_{measure}"])
    return rows


def _curves(
    group: Group, members: pd.DataFrame, epochs: np.ndarray, values: np.ndarray, metric: Metric
) -> Iterator[dict[str, Any]]:
    known = ~np.isnan(epochs)
    courses = [dict(zip(epochs[row, known[row]], values[row, known[row]], strict=True)) for row in group.rows]
    for epoch in (epoch for epoch in courses[0] if all(epoch in course for course in courses)):
        own = np.array([course[epoch] for course in courses])
        yield {**_of_method(group, own, metric), "level": "detail", "strength": float(epoch)}
    for row, course in zip(group.rows, courses, strict=True):
        for epoch, value in course.items() if len(courses) > 1 else ():
            about = {"level": "detail", "strength": float(epoch), "value": float(value)}
            yield {**network_row(members.iloc[row], metric), **about}


def _of_method(group: Group, values: np.ndarray, metric: Metric, tested: bool = False) -> dict[str, Any]:
    found = over_seeds(values)
    if found is not None and metric.unit == "fraction":
        found = found._replace(interval=clipped(found.interval, 0, 1))
    columns = of_test(found) | ({} if tested else {"p_value": None})
    return {**method_row(group, metric), "value": mean_over_seeds(values), "std": std_over_seeds(values), **columns}


def over_seeds(values: np.ndarray) -> Tested | None:
    """Test whether the mean over trainings is 0, by Student's t.

    Args:
        values: One number for each seed, (S,).

    Returns:
        The test with its interval; None for fewer than three seeds, undefined numbers, and seeds that do not differ,
        of which nothing is known about other seeds.
    """
    if len(values) < FEWEST_SEEDS or bool(np.isnan(values).any()) or bool(np.ptp(values) < ROUNDING):
        return None
    found = t_test(float(values.mean()), OverImages(0.0, np.inf), [Side(values, 0.0, 0.0)])
    return found._replace(covers=T_SEEDS)
