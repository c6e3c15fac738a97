"""Tidy results: one row per network, method, or pair, and metric.

A row of level ``network`` is one trained network; ``method`` is the mean over the seeds of a method; ``pair`` is a
source and a target (`member`); ``detail`` is any of these for a `part` of the images or another way of asking.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from robustkd.evaluations.evaluation import Metric
from robustkd.evaluations.statistics import (
    BOOTSTRAP_IMAGES,
    WILSON_IMAGES,
    Interval,
    bootstrap_mean,
    differ_from_zero,
    wilson,
)
from robustkd.evaluations.wording import Finding

COLUMNS = {
    "group": "str",
    "level": "str",
    "member": "str",
    "source": "str",
    "role": "str",
    "method": "str",
    "architecture": "str",
    "condition": "str",
    "seed": "Int64",
    "metric": "str",
    "value": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "interval": "str",
    "std": "float64",
    "n_seeds": "Int64",
    "n": "Int64",
    "below_baseline": "boolean",
    "ties_best": "boolean",
    "part": "str",
    "strength": "float64",
    "p_holm": "float64",
}
"""Columns and their types. `group`: the architecture of the students that are compared with each other; `std` is over
seeds; `n` counts images; `below_baseline`: worse than the baseline's value; `ties_best`: the best of students and
baselines, or not significantly worse (paired bootstrap over the same images, Holm); `part`: what part of the images or
which setting a row is about, such as a class or a corruption, empty for all; `strength`: of that setting, an ε or a
severity;
`p_holm`: of no difference to the baseline on the same images (exact McNemar test), adjusted for the number of students
(Holm)."""

ROUNDING = 1e-12

_WHO = ("role", "architecture", "condition")


@dataclass(frozen=True)
class Group:
    """The networks of one method, which differ in their seed alone.

    Attributes:
        method: Its name.
        who: Role, architecture and condition.
        rows: Where they stand among the members.
        seeds: Their seeds, in that order; None where unknown.
    """

    method: str
    who: dict[str, str]
    rows: np.ndarray
    seeds: tuple[int | None, ...]


def tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make rows a table of the columns of `COLUMNS`, with their types."""
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS)).astype(COLUMNS)


def groups_of(members: pd.DataFrame) -> list[Group]:
    """Group members into methods, in the order in which they first occur."""
    members = members.reset_index(drop=True)
    found = []
    for (method, *who), rows in members.groupby(["method", *_WHO], sort=False):
        seeds = tuple(None if pd.isna(seed) else int(seed) for seed in rows["seed"])
        whose = {key: str(value) for key, value in zip(_WHO, who, strict=True)}
        found.append(Group(str(method), whose, rows.index.to_numpy(), seeds))
    return found


def student_findings(frame: pd.DataFrame, metric: str, difference: str) -> list[Finding]:
    """Collect each student's value and its difference to the baseline, for the sentences of a headline.

    Args:
        frame: Tidy results.
        metric: Rows of this metric give the value.
        difference: Rows of this metric give the difference, where there are any.

    Returns:
        One finding for each method, or for each network where there are no rows of methods.
    """
    level = "method" if (frame["level"] == "method").any() else "network"
    chosen = frame[(frame["level"] == level) | (frame["level"] == "pair")]
    students = chosen[(chosen["metric"] == metric) & (chosen["role"] == "student")]
    differences = chosen[chosen["metric"] == difference].set_index("member")
    found = []
    for _, row in students.iterrows():
        known = row["member"] in differences.index
        against = differences.loc[row["member"]] if known else {"value": np.nan, "ci_low": np.nan, "ci_high": np.nan}
        found.append(Finding(str(row["member"]), row["value"], against["value"], against["ci_low"], against["ci_high"]))
    return found


def baseline_of(group: Group, groups: list[Group]) -> Group | None:
    """Find the independent network to hold a method against.

    Args:
        group: The method.
        groups: All groups of the pool.

    Returns:
        The baseline of the same condition and architecture; else the only one of that condition; else None.
    """
    condition = group.who["condition"]
    baselines = [other for other in groups if other.who["role"] == "baseline" and other.who["condition"] == condition]
    same = [other for other in baselines if other.who["architecture"] == group.who["architecture"]]
    if same:
        return same[0]
    return baselines[0] if len(baselines) == 1 else None


def per_image_rows(
    members: pd.DataFrame, values: Mapping[str, np.ndarray], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Summarise metrics that are means over images: each network, each method, and each difference to the baseline.

    Args:
        members: One row per member.
        values: For each metric an array (members, images), bool or float.
        metrics: Those in `values`, and those that are differences to the baseline of one in `values`.

    Returns:
        Rows for `tidy`.
    """
    groups = groups_of(members)
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        if metric.difference_of is not None:
            rows += _difference_rows(groups, metric, values[metric.difference_of])
        elif metric.name in values:
            rows += _network_rows(members, metric, values[metric.name])
            rows += _method_rows(groups, metric, values[metric.name])
    return rows


def _network_rows(members: pd.DataFrame, metric: Metric, values: np.ndarray) -> Iterator[dict[str, Any]]:
    for (_, member), seen in zip(members.iterrows(), values, strict=True):
        counted = seen.dtype == np.bool_
        interval = wilson(int(seen.sum()), len(seen)) if counted else bootstrap_mean(seen)
        yield {
            "level": "network",
            **{key: member[key] for key in ("member", "method", "seed", *_WHO)},
            "metric": metric.name,
            "value": float(seen.mean()),
            "n_seeds": 1,
            "n": len(seen),
            **_interval(interval, WILSON_IMAGES if counted else BOOTSTRAP_IMAGES),
        }


def _method_rows(groups: list[Group], metric: Metric, values: np.ndarray) -> Iterator[dict[str, Any]]:
    means = {group.method: values[group.rows].mean(axis=0, dtype=np.float64) for group in groups}
    ties = _ties_with_best(groups, metric, means)
    for group in groups:
        per_seed = values[group.rows].mean(axis=1, dtype=np.float64)
        baseline = baseline_of(group, groups) if group.who["role"] == "student" else None
        below = None
        if baseline is not None and metric.higher_is_better is not None:
            gain = means[group.method].mean() - means[baseline.method].mean()
            # the same images in another order of summing differ in the last bits
            below = bool(gain < -ROUNDING if metric.higher_is_better else gain > ROUNDING)
        yield {
            **method_row(group, metric),
            "value": float(per_seed.mean()),
            "std": float(per_seed.std(ddof=1)) if len(per_seed) > 1 else None,
            "n": values.shape[1],
            "below_baseline": below,
            "ties_best": ties.get(group.method),
            **_interval(bootstrap_mean(means[group.method]), BOOTSTRAP_IMAGES),
        }


def _difference_rows(groups: list[Group], metric: Metric, values: np.ndarray) -> Iterator[dict[str, Any]]:
    for group in groups:
        baseline = baseline_of(group, groups)
        if group.who["role"] != "student" or baseline is None:
            continue
        difference = values[group.rows].mean(axis=0, dtype=np.float64)
        difference -= values[baseline.rows].mean(axis=0, dtype=np.float64)
        yield {
            **method_row(group, metric),
            "value": float(difference.mean()),
            "std": _paired_std(group, baseline, values),
            "n": values.shape[1],
            **_interval(bootstrap_mean(difference), BOOTSTRAP_IMAGES),
        }


def _paired_std(group: Group, baseline: Group, values: np.ndarray) -> float | None:
    """The std over seeds of the difference between networks of the same seed, where there are two such pairs."""
    theirs = dict(zip(baseline.seeds, baseline.rows, strict=True))
    pairs = [
        (row, theirs[seed])
        for seed, row in zip(group.seeds, group.rows, strict=True)
        if seed is not None and seed in theirs
    ]
    if len(pairs) < 2:
        return None
    return float(np.std([values[row].mean() - values[other].mean() for row, other in pairs], ddof=1))


def _ties_with_best(groups: list[Group], metric: Metric, means: Mapping[str, np.ndarray]) -> dict[str, bool]:
    """Which methods are the best, or not significantly worse; the teacher is not ranked."""
    if metric.higher_is_better is None:
        return {}
    sign = 1 if metric.higher_is_better else -1
    ranked = {group.method: sign * means[group.method] for group in groups if group.who["role"] != "teacher"}
    if len(ranked) < 2:
        return {}
    best = max(ranked, key=lambda method: float(ranked[method].mean()))
    behind = {method: ranked[best] - mean for method, mean in ranked.items() if method != best}
    gaps = {method: float(gap.mean()) for method, gap in behind.items()}
    return {best: True} | tied(gaps, {method: bootstrap_mean(gap) for method, gap in behind.items()})


def tied(gaps: Mapping[str, float], intervals: Mapping[str, Interval]) -> dict[str, bool]:
    """Say which methods are not significantly worse than the best, corrected for how many there are (Holm).

    Args:
        gaps: For each method by how much the best is better.
        intervals: Of these.
    """
    lows, highs = ([intervals[method][end] for method in gaps] for end in (0, 1))
    worse = differ_from_zero(list(gaps.values()), lows, highs) & (np.array(lows) > 0)
    return {method: not below for method, below in zip(gaps, worse.tolist(), strict=True)}


def method_row(group: Group, metric: Metric) -> dict[str, Any]:
    """Begin the row of a method: who it is and what is measured."""
    return {
        "level": "method",
        "member": group.method,
        "method": group.method,
        **group.who,
        "metric": metric.name,
        "n_seeds": len(group.rows),
    }


def _interval(interval: Interval, kind: str) -> dict[str, Any]:
    return {"ci_low": interval.low, "ci_high": interval.high, "interval": kind}
