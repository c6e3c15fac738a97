"""Which numbers a table marks: **bold** for the best, ▼ for worse than the independent baseline.

Both marks compare methods, so the rule is this:

* Only methods with at least `SEEDS_TO_RANK` seeds are marked: with fewer, it is hardly known how much trainings of the
  method vary.
* ▼ (`below_baseline`): the difference to the independent baseline, which needs as many seeds, is significantly
  for the worse: its p-value (`statistics/studentised.py`) is below 5 % after correction for the number of students
  (Holm). The sentences of a report follow the same function on the same numbers (`significant_signs`), so that mark and
  sentence agree.
* Bold (`ties_best`): the best of the students and baselines, or not significantly worse than the best. The same images
  show which one is the best, so the correction is for all pairs of methods (Holm): of twelve equal methods, the best
  and the worst lie far apart. What is marked ▼ is never bold. Teacher and controls are not ranked.

A mark is absent (not False) where a method is not ranked.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from robustkd.results.comparison import Comparison
from robustkd.results.groups import Group, mean_over_seeds
from robustkd.results.measured import Measured
from robustkd.results.metric import Metric
from robustkd.statistics.significance import significant_signs
from robustkd.statistics.studentised import FEWEST_SEEDS

SEEDS_TO_RANK = FEWEST_SEEDS

RANKED = ("baseline", "student")

_COMPARED = ["group", "condition", "architecture", "member", "part"]
"""Rows that agree in these are a method's value and its difference to the baseline."""


def below_baseline(metric: Metric, comparisons: Sequence[Comparison]) -> dict[str, bool]:
    """Return which methods are significantly worse than the independent baseline.

    Args:
        metric: The metric that the differences are of.
        comparisons: The difference of every student of the pool; all count in the correction, however many seeds.

    Returns:
        By method; only those that are ranked and have a difference.
    """
    if metric.higher_is_better is None:
        return {}
    worse = _worse(metric, [each.value for each in comparisons], [each.p_value for each in comparisons])
    return {
        each.group.method: bool(below)
        for each, below in zip(comparisons, worse, strict=True)
        if not np.isnan(each.value) and min(len(each.group.rows), len(each.baseline.rows)) >= SEEDS_TO_RANK
    }


def ties_with_best(metric: Metric, groups: Sequence[Group], found: Measured, below: dict[str, bool]) -> dict[str, bool]:
    """Return which methods are the best, or not significantly worse than the best.

    Args:
        metric: The metric.
        groups: All methods of the pool.
        found: The values and their intervals.
        below: The methods marked as significantly worse than the baseline, which tie with nothing.

    Returns:
        By method; only those that are ranked, and none where fewer than two are.
    """
    if metric.higher_is_better is None:
        return {}
    sign = 1 if metric.higher_is_better else -1
    rows = {
        group.method: group.rows for group in groups if group.who["role"] in RANKED and len(group.rows) >= SEEDS_TO_RANK
    }
    means = {method: mean_over_seeds(found.values[own]) for method, own in rows.items()}
    ranked = {method: sign * mean for method, mean in means.items() if mean is not None}
    if len(ranked) < 2:
        return {}
    best = max(ranked, key=lambda method: ranked[method])
    others = [method for method in ranked if method != best]
    tests = [found.of_difference(rows[method], rows[best]) for method in others]
    p_values = [np.nan if each is None else each.p_value for each in tests]
    pairs = len(ranked) * (len(ranked) - 1) // 2
    worse = _worse(metric, [sign * (ranked[method] - ranked[best]) for method in others], p_values, pairs)
    ties = {best: True} | {method: not behind for method, behind in zip(others, worse, strict=True)}
    return {method: tie and not below.get(method, False) for method, tie in ties.items()}


def marked_again(frame: pd.DataFrame, metrics: Sequence[Metric]) -> pd.DataFrame:
    """Recompute the marks ▼ after some numbers were withheld, because the correction then counts fewer differences.

    Args:
        frame: Tidy results of one evaluation.
        metrics: The metrics of the evaluation. A metric keeps its marks if no other metric is its difference to the
            baseline.

    Returns:
        The results with the recomputed marks.
    """
    frame = frame.copy()
    named = {metric.name: metric for metric in metrics}
    for difference in metrics:
        metric = named.get(difference.difference_of or "")
        if metric is None or metric.higher_is_better is None or difference.reference != "baseline":
            continue
        rows = frame[(frame["level"] == "method") & (frame["metric"] == difference.name)]
        worse: dict[tuple[str, ...], bool] = {}
        for _, own in rows.groupby(["group", "condition"], dropna=False):
            judged = _worse(metric, own["value"].tolist(), own["p_value"].tolist())
            worse |= dict(zip(_keys(own), judged, strict=True))
        values = frame[(frame["metric"] == metric.name) & frame["below_baseline"].notna()]
        below = np.array([bool(worse.get(key, False)) for key in _keys(values)], dtype=np.bool_)
        frame.loc[values.index, "below_baseline"] = below
        frame.loc[values.index[below], "ties_best"] = False
    return frame


def _worse(
    metric: Metric, values: Sequence[float], p_values: Sequence[float], comparisons: int | None = None
) -> np.ndarray:
    return significant_signs(values, p_values, comparisons) == (-1 if metric.higher_is_better else 1)


def _keys(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    return list(rows[_COMPARED].fillna("").itertuples(index=False, name=None))
