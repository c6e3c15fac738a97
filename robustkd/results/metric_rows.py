"""Rows of a metric: each network, each method as the mean over its seeds, each difference to the baseline."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from robustkd.results.metric import Metric
from robustkd.results.tidy import Group, baseline_of, groups_of, method_row, network_row
from robustkd.statistics.bootstrap import bootstrap_mean
from robustkd.statistics.intervals import (
    BOOTSTRAP_IMAGES,
    ROUNDING,
    T_SEEDS,
    WILSON_IMAGES,
    Interval,
    hull,
    t_over_seeds,
    unvaried,
    wilson,
    with_zero,
)
from robustkd.statistics.significance import FEWEST_DIFFERING, differ_from_zero

Bounds = tuple[Interval, str]
"""An interval and what it covers."""


class Measured(Protocol):
    """A metric of some networks, all on the same images, with what other images would have made of it."""

    @property
    def values(self) -> np.ndarray:
        """Of each network, float64 (M,); NaN where it is not defined."""

    def images(self, rows: np.ndarray) -> int:
        """How many images count for some networks, on average."""

    def of_network(self, row: int) -> Bounds | None:
        """Give the interval of one network; None where there is none."""

    def of_mean(self, rows: np.ndarray) -> Bounds | None:
        """Give the interval of a mean over networks."""

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> Bounds | None:
        """Give the interval of the mean over some networks minus that over others, on the same images."""


@dataclass(frozen=True)
class MeanOverImages:
    """A metric that is a mean over images.

    Attributes:
        seen: bool or float (M, N), its value for each network and image.
        share: Whether an image gives 0 to 1; any number else.
    """

    seen: np.ndarray
    share: bool = True

    @property
    def values(self) -> np.ndarray:
        """Of each network."""
        return np.asarray(self.seen.mean(axis=1, dtype=np.float64))

    def images(self, rows: np.ndarray) -> int:
        """N, for whatever networks."""
        return int(self.seen.shape[1])

    def of_network(self, row: int) -> Bounds:
        """Wilson's for yes and no, the bootstrap's for numbers."""
        if self.seen.dtype == np.bool_:
            return wilson(int(self.seen[row].sum()), len(self.seen[row])), WILSON_IMAGES
        return self._bootstrap(self.seen[row], 0), BOOTSTRAP_IMAGES

    def of_mean(self, rows: np.ndarray) -> Bounds:
        """The bootstrap's, of the mean over networks for each image; of one network its own."""
        return self.of_network(rows[0]) if len(rows) == 1 else (self._bootstrap(self._mean(rows), 0), BOOTSTRAP_IMAGES)

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> Bounds:
        """The bootstrap's, of the differences for each image: paired; it holds 0 where very few images differ."""
        differences = self._mean(rows) - self._mean(others)
        interval = self._bootstrap(differences, -1)
        few = np.count_nonzero(differences) < FEWEST_DIFFERING
        return (with_zero(interval) if few else interval), BOOTSTRAP_IMAGES

    def _bootstrap(self, values: np.ndarray, lowest: float) -> Interval:
        interval = bootstrap_mean(values)
        unsure = self.share and (self.seen.dtype == np.bool_ or np.ptp(values) < ROUNDING)
        return hull(interval, unvaried(float(values.mean()), len(values), lowest)) if unsure else interval

    def _mean(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.seen[rows].mean(axis=0, dtype=np.float64))


def per_image_rows(
    members: pd.DataFrame, values: Mapping[str, np.ndarray], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Lay out metrics that are means over images; see `metric_rows`.

    Args:
        members: One row per network.
        values: For each metric an array (members, images), bool or float.
        metrics: Those in `values`, and those that are differences to the baseline of one in `values`.

    Returns:
        Rows for `tidy`.
    """
    shares = {metric.name for metric in metrics if metric.unit == "fraction"}
    return metric_rows(members, {name: MeanOverImages(seen, name in shares) for name, seen in values.items()}, metrics)


def metric_rows(
    members: pd.DataFrame, measured: Mapping[str, Measured], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Lay out each network, each method as the mean over its seeds, and each difference to the baseline.

    Args:
        members: One row per network.
        measured: By metric, networks in the order of `members`.
        metrics: Those in `measured`, and differences to the baseline of one in `measured`; others are passed over.

    Returns:
        Rows for `tidy`; a metric that is defined for no seed of a method has no value.
    """
    groups = groups_of(members)
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        if metric.difference_of is not None and metric.difference_of in measured:
            rows += _difference_rows(groups, metric, measured[metric.difference_of])
        elif metric.name in measured:
            rows += _network_rows(members, metric, measured[metric.name])
            rows += _method_rows(groups, metric, measured[metric.name])
    return rows


def value_rows(members: pd.DataFrame, values: np.ndarray, metric: Metric) -> list[dict[str, Any]]:
    """Lay out numbers that no image is a sample of: each network's, and each method's mean and std over seeds.

    Args:
        members: One row per network.
        values: float64 (M,), NaN where absent.
        metric: What they are.

    Returns:
        Rows for `tidy`, without intervals.
    """
    rows = []
    for (_, member), value in zip(members.iterrows(), values, strict=True):
        rows.append(network_row(member, metric) | {"value": _present(value)})
    for group in groups_of(members):
        own = values[group.rows]
        rows.append({**method_row(group, metric), "value": _mean(own), "std": _std(own)})
    return rows


def seed_rows(members: pd.DataFrame, values: np.ndarray, metric: Metric) -> list[dict[str, Any]]:
    """Lay out the mean over three seeds or more with the t-interval of the variation between trainings.

    Args:
        members: One row per network.
        values: float64 (M,).
        metric: What they are.

    Returns:
        Rows for `tidy`, one for each method of three seeds or more.
    """
    rows = []
    for group in groups_of(members):
        own = values[group.rows]
        interval = None if np.isnan(own).any() else t_over_seeds(own)
        if interval is not None:
            row = {**method_row(group, metric), "value": float(own.mean()), "std": _std(own)}
            rows.append(row | bounds((interval, T_SEEDS)))
    return rows


def _network_rows(members: pd.DataFrame, metric: Metric, found: Measured) -> Iterator[dict[str, Any]]:
    for row, (_, member) in enumerate(members.iterrows()):
        value = _present(found.values[row])
        known = {"value": value, "n": found.images(np.array([row]))}
        yield network_row(member, metric) | known | bounds(found.of_network(row))


def _method_rows(groups: list[Group], metric: Metric, found: Measured) -> Iterator[dict[str, Any]]:
    ties = _ties_with_best(groups, metric, found)
    for group in groups:
        baseline = baseline_of(group, groups) if group.who["role"] == "student" else None
        yield {
            **method_row(group, metric),
            "value": _mean(found.values[group.rows]),
            "std": _std(found.values[group.rows]),
            "n": found.images(group.rows),
            "below_baseline": None if baseline is None else _is_below(metric, found, group, baseline),
            "ties_best": ties.get(group.method),
            **bounds(found.of_mean(group.rows)),
        }


def _is_below(metric: Metric, found: Measured, group: Group, baseline: Group) -> bool | None:
    own, theirs = (_mean(found.values[rows]) for rows in (group.rows, baseline.rows))
    if own is None or theirs is None or metric.higher_is_better is None:
        return None
    return own - theirs < -ROUNDING if metric.higher_is_better else own - theirs > ROUNDING


def _difference_rows(groups: list[Group], metric: Metric, found: Measured) -> Iterator[dict[str, Any]]:
    for group in groups:
        baseline = baseline_of(group, groups)
        if group.who["role"] != "student" or baseline is None:
            continue
        own, theirs = (_mean(found.values[rows]) for rows in (group.rows, baseline.rows))
        row = {**method_row(group, metric), "n": found.images(group.rows)}
        if own is not None and theirs is not None:
            row |= {"value": own - theirs, "std": _paired_std(group, baseline, found.values)}
            row |= bounds(found.of_difference(group.rows, baseline.rows))
        yield row


def _paired_std(group: Group, baseline: Group, values: np.ndarray) -> float | None:
    """The std over seeds of the difference between networks of the same seed, where there are two such pairs."""
    theirs = dict(zip(baseline.seeds, baseline.rows, strict=True))
    pairs = [
        (row, theirs[seed])
        for seed, row in zip(group.seeds, group.rows, strict=True)
        if seed is not None and seed in theirs
    ]
    return _std(np.array([values[row] - values[other] for row, other in pairs]))


def _ties_with_best(groups: list[Group], metric: Metric, found: Measured) -> dict[str, bool]:
    """Which methods are the best, or not significantly worse (Holm); the teacher is not ranked."""
    if metric.higher_is_better is None:
        return {}
    sign = 1 if metric.higher_is_better else -1
    means = {group.method: _mean(found.values[group.rows]) for group in groups if group.who["role"] != "teacher"}
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


def bounds(found: Bounds | None) -> dict[str, Any]:
    """Write an interval into the columns of a row; nothing where there is none."""
    if found is None:
        return {}
    interval, covers = found
    return {"ci_low": interval.low, "ci_high": interval.high, "interval": covers}


def _present(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _mean(values: np.ndarray) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def _std(values: np.ndarray) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else None
