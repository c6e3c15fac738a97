"""Rows of a network: transfer success averaged over sources, and over targets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robustkd.attacks.counting import jointly_correct
from robustkd.evaluations.transferability.matrix import pair_of, success_matrix
from robustkd.evaluations.transferability.row import Row, member_row, targets_of
from robustkd.results.measured import bounds
from robustkd.results.records import Records
from robustkd.statistics.bootstrap import defined_percentiles, resampled_means
from robustkd.statistics.intervals import BOOTSTRAP_IMAGES, ROUNDING, unvaried
from robustkd.statistics.resampling import mean_of_defined, ratio


def mean_rows(records: Records) -> Iterator[Row]:
    """Means over sources and over targets, with and without a network's attack on itself.

    A mean leaves out the other networks whose checks failed: their part in it would be void.
    """
    members, targets = records.members, targets_of(records)
    rates = success_matrix(records.arrays)[:, targets]
    samples, images = _resampled_rates(records, targets)
    own = np.arange(len(members))[:, None] == np.array(targets)
    sound = np.array([_is_sound(records, name, "transfer_success") for name in members["member"]])
    hit = np.array([_is_sound(records, members["member"][target]) for target in targets])
    for column, target in enumerate(targets):
        for others, kept in ((False, sound | own[:, column]), (True, sound & ~own[:, column])):
            mean = _mean_row(rates[kept, column], samples[:, kept, column], images[kept, column])
            yield member_row(members, target) | _named("mean_on_target", others) | mean
    for source in range(len(members)):
        for others, kept in ((False, hit | own[source]), (True, hit & ~own[source])):
            mean = _mean_row(rates[source, kept], samples[:, source, kept], images[source, kept])
            yield member_row(members, source) | _named("mean_from_source", others) | mean


def _is_sound(records: Records, name: str, metric: str = "") -> bool:
    """Whether no failed check is about all numbers of a network, or about a metric of attacks on it."""
    failed = [check for check in records.checks if not check.passed and check.member == name]
    return not any(not check.metrics or metric in check.metrics for check in failed)


def _resampled_rates(records: Records, targets: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The matrix in R resamples of the images, float64 (R, sources, targets), and the number of eligible images.

    A rate is NaN where no image is eligible.
    """
    sources = range(len(records.members))
    counted = [jointly_correct(pair_of(records.arrays, source, target)) for source in sources for target in targets]
    seen = np.stack([*(each.events for each in counted), *(each.eligible for each in counted)]).astype(np.float64)
    means = resampled_means(seen)
    rates = ratio(means[:, : len(counted)], means[:, len(counted) :])
    shape = (len(sources), len(targets))
    return rates.reshape(-1, *shape), np.array([int(each.eligible.sum()) for each in counted]).reshape(shape)


def _mean_row(rates: np.ndarray, samples: np.ndarray, images: np.ndarray) -> Row:
    defined = ~np.isnan(rates)
    if not defined.any():
        return {"value": None}
    value = float(rates[defined].mean())
    interval = defined_percentiles(mean_of_defined(samples.T))
    if interval is not None and interval.high - interval.low < ROUNDING:
        interval = unvaried(value, int(images[defined].min()))
    return {"value": value} | bounds(None if interval is None else (interval, BOOTSTRAP_IMAGES))


def _named(metric: str, others: bool) -> Row:
    return {"level": "detail", "metric": f"{metric}_others"} if others else {"metric": metric}
