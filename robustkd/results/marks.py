"""Marks of a table: bold and ▼."""

import numpy as np

from robustkd.results.groups import Group, mean_over_seeds
from robustkd.results.measured import Measured
from robustkd.results.metric import Metric
from robustkd.statistics.intervals import (
    ROUNDING,
)
from robustkd.statistics.significance import differ_from_zero


def is_below(metric: Metric, found: Measured, group: Group, baseline: Group) -> bool | None:
    """Return whether a method is below the baseline."""
    own, theirs = (mean_over_seeds(found.values[rows]) for rows in (group.rows, baseline.rows))
    if own is None or theirs is None or metric.higher_is_better is None:
        return None
    return own - theirs < -ROUNDING if metric.higher_is_better else own - theirs > ROUNDING


def ties_with_best(groups: list[Group], metric: Metric, found: Measured) -> dict[str, bool]:
    """Which methods are the best, or not significantly worse (Holm); the teacher is not ranked."""
    if metric.higher_is_better is None:
        return {}
    sign = 1 if metric.higher_is_better else -1
    means = {
        group.method: mean_over_seeds(found.values[group.rows]) for group in groups if group.who["role"] != "teacher"
    }
    ranked = {method: sign * mean for method, mean in means.items() if mean is not None}
    if len(ranked) < 2:
        return {}
    rows = {group.method: group.rows for group in groups}
    best = max(ranked, key=lambda method: ranked[method])
    others = [method for method in ranked if method != best]
    gaps, lows, highs = [], [], []
    for method in others:
        ahead, behind = (best, method) if sign > 0 else (method, best)
        known = found.of_difference(rows[ahead], rows[behind])
        gaps.append(ranked[best] - ranked[method])
        lows.append(known[0].low if known else np.nan)
        highs.append(known[0].high if known else np.nan)
    worse = differ_from_zero(gaps, lows, highs) & (np.array(lows) > 0)
    return {best: True} | {method: not below for method, below in zip(others, worse.tolist(), strict=True)}
