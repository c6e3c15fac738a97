"""Intervals of metrics that are no means over images: recalls, areas under curves, calibration errors.

Such a metric is a function of how often each image counts. Once each, and it is the value; as often as each was drawn,
and it is one resample of the percentile bootstrap over images (Efron 1979); metrics that resampling biases take the
basic one. All networks see the same resamples, so the difference of two networks is a paired bootstrap.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from robustkd.evaluations.evaluation import Metric
from robustkd.evaluations.statistics import (
    BASIC_IMAGES,
    BOOTSTRAP_IMAGES,
    CONFIDENCE,
    RESAMPLES,
    T_SEEDS,
    Interval,
    basic,
    t_over_seeds,
)
from robustkd.evaluations.tidy import Group, baseline_of, groups_of, method_row, tied

BLOCK = 200
"""Resamples at a time."""

_KEPT = 200_000_000
"""Draws kept in memory, a byte each."""

Statistics = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""Takes weights, float (B, N): how often each image counts in each of B resamples; gives for each metric (B,), NaN
where it is not defined."""


@dataclass(frozen=True)
class Estimate:
    """A metric of some networks.

    Attributes:
        values: float64 (M,), NaN where it is not defined.
        samples: float64 (M, R), the same in each resample.
        counts: int64 (M,), images.
    """

    values: np.ndarray
    samples: np.ndarray
    counts: np.ndarray


def estimate(networks: Sequence[Statistics], images: int, seed: int = 0) -> dict[str, Estimate]:
    """Compute metrics of networks, and what they would be for other images of the same kind.

    Args:
        networks: For each network its metrics as functions of the weights of its images.
        images: How many images each has looked at, at least one.
        seed: Of the resampling.

    Returns:
        For each metric its estimate.
    """
    once = np.ones((1, images))
    values = [{name: float(value[0]) for name, value in network(once).items()} for network in networks]
    blocks: list[list[Mapping[str, np.ndarray]]] = [[] for _ in networks]
    for counts in _resamples(images, seed):
        weights = counts.astype(np.float32, order="F")  # as the areas under curves like them best
        for network, seen in zip(networks, blocks, strict=True):
            seen.append(network(weights))
    return {
        name: Estimate(
            np.array([known[name] for known in values]),
            np.stack([np.concatenate([block[name] for block in seen]) for seen in blocks]),
            np.full(len(values), images),
        )
        for name in (values[0] if values else {})
    }


def share(event: np.ndarray, eligible: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Give the weighted share of the eligible images for which something holds.

    Args:
        event: bool (N,), counted among the eligible only.
        eligible: bool (N,).
        weights: (B, N), how often each image counts.

    Returns:
        float64 (B,); NaN where no image is eligible.
    """
    return ratio(weights @ (event & eligible).astype(np.float32), weights @ eligible.astype(np.float32))


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Divide, float64; NaN where there is nothing to divide by."""
    above, below = np.broadcast_arrays(np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)


def estimate_rows(members: Any, estimates: Mapping[str, Estimate], metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Lay out estimates: each network, each method as the mean over its seeds, each difference to the baseline.

    Args:
        members: One row per network.
        estimates: By metric, networks in the order of `members`.
        metrics: Those in `estimates`, and differences to the baseline of one in `estimates`; others are passed over.

    Returns:
        Rows for `tidy`; a metric that is defined for no seed of a method has no value.
    """
    groups = groups_of(members)
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        if metric.difference_of is not None and metric.difference_of in estimates:
            rows += _difference_rows(groups, metric, estimates[metric.difference_of])
        elif metric.name in estimates:
            rows += _network_rows(members, metric, estimates[metric.name])
            rows += _method_rows(groups, metric, estimates[metric.name])
    return rows


def value_rows(members: Any, values: np.ndarray, metric: Metric) -> list[dict[str, Any]]:
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
        rows.append(_network_row(member, metric) | {"value": _present(value)})
    for group in groups_of(members):
        own = values[group.rows]
        rows.append({**method_row(group, metric), "value": _mean(own), "std": _std(own)})
    return rows


def seed_rows(members: Any, values: np.ndarray, metric: Metric) -> list[dict[str, Any]]:
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
            row = {**method_row(group, metric), "value": float(own.mean()), "std": _std(own), "interval": T_SEEDS}
            rows.append(row | {"ci_low": interval.low, "ci_high": interval.high})
    return rows


def _network_rows(members: Any, metric: Metric, found: Estimate) -> Iterator[dict[str, Any]]:
    for index, (_, member) in enumerate(members.iterrows()):
        yield {
            **_network_row(member, metric),
            "value": _present(found.values[index]),
            "n": int(found.counts[index]),
            **_interval(found.samples[index], found.values[index], metric),
        }


def _method_rows(groups: list[Group], metric: Metric, found: Estimate) -> Iterator[dict[str, Any]]:
    means = {group.method: _mean(found.values[group.rows]) for group in groups}
    ties = _ties_with_best(groups, metric, found)
    for group in groups:
        value = means[group.method]
        baseline = baseline_of(group, groups) if group.who["role"] == "student" else None
        against = means[baseline.method] if baseline is not None else None
        below = None
        if value is not None and against is not None and metric.higher_is_better is not None:
            below = value < against if metric.higher_is_better else value > against
        yield {
            **method_row(group, metric),
            "value": value,
            "std": _std(found.values[group.rows]),
            "n": int(found.counts[group.rows].mean()),
            "below_baseline": below,
            "ties_best": ties.get(group.method),
            **_interval(_sample_means(found, group), value, metric),
        }


def _difference_rows(groups: list[Group], metric: Metric, found: Estimate) -> Iterator[dict[str, Any]]:
    for group in groups:
        baseline = baseline_of(group, groups)
        if group.who["role"] != "student" or baseline is None:
            continue
        own, theirs = _mean(found.values[group.rows]), _mean(found.values[baseline.rows])
        row = {**method_row(group, metric), "n": int(found.counts[group.rows].mean())}
        if own is not None and theirs is not None:
            row["value"] = own - theirs
            samples = _sample_means(found, group) - _sample_means(found, baseline)
            row |= _interval(samples, own - theirs, metric)
        yield row


def _ties_with_best(groups: list[Group], metric: Metric, found: Estimate) -> dict[str, bool]:
    """Which methods are the best, or not significantly worse; the teacher is not ranked."""
    sign = 1 if metric.higher_is_better else -1
    means = {group.method: _mean(found.values[group.rows]) for group in groups}
    ranked = {
        group.method: sign * _sample_means(found, group)
        for group in groups
        if group.who["role"] != "teacher" and means[group.method] is not None
    }
    if metric.higher_is_better is None or len(ranked) < 2:
        return {}
    best = max(ranked, key=lambda method: sign * (means[method] or 0))
    gaps = {method: sign * ((means[best] or 0) - (means[method] or 0)) for method in ranked if method != best}
    intervals = {method: _percentiles(ranked[best] - ranked[method]) for method in gaps}
    if metric.biased:
        intervals = {method: basic(gaps[method], known) for method, known in intervals.items()}
    return {best: True} | tied(gaps, intervals)


def _sample_means(found: Estimate, group: Group) -> np.ndarray:
    samples = found.samples[group.rows]
    defined = ~np.isnan(samples)
    return ratio(np.where(defined, samples, 0).sum(axis=0), defined.sum(axis=0))


def _percentiles(samples: np.ndarray) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(samples[~np.isnan(samples)], [tail, 1 - tail])
    return Interval(float(low), float(high))


def _interval(samples: np.ndarray, value: float | None, metric: Metric) -> dict[str, Any]:
    if value is None or np.isnan(samples).all():
        return {}
    interval, kind = _percentiles(samples), BOOTSTRAP_IMAGES
    if metric.biased:
        interval, kind = basic(value, interval), BASIC_IMAGES
        lowest = 0.0 if metric.difference_of is None else -1.0
        interval = Interval(max(interval.low, lowest), min(interval.high, 1.0))
    return {"ci_low": interval.low, "ci_high": interval.high, "interval": kind}


def _network_row(member: Any, metric: Metric) -> dict[str, Any]:
    who = {key: member[key] for key in ("member", "method", "seed", "role", "architecture", "condition")}
    return {"level": "network", **who, "metric": metric.name, "n_seeds": 1}


def _present(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _mean(values: np.ndarray) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def _std(values: np.ndarray) -> float | None:
    defined = values[~np.isnan(values)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else None


def _resamples(images: int, seed: int) -> Iterator[np.ndarray]:
    """How often each image is drawn, uint8 (BLOCK, N), block after block."""
    if images * RESAMPLES <= _KEPT:
        yield from _kept_resamples(images, seed)
    else:
        yield from _drawn_resamples(images, seed)


@lru_cache(maxsize=2)
def _kept_resamples(images: int, seed: int) -> tuple[np.ndarray, ...]:
    return tuple(_drawn_resamples(images, seed))


def _drawn_resamples(images: int, seed: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(seed)
    for _ in range(0, RESAMPLES, BLOCK):
        yield np.stack(
            [np.bincount(random.integers(0, images, images), minlength=images).astype(np.uint8) for _ in range(BLOCK)]
        )
