"""Intervals of metrics that are no means over images: recalls, areas under curves, calibration errors.

Such a metric is a function of how often each image counts. Once each, and it is the value; as often as each was drawn,
and it is one resample of the percentile bootstrap over images (Efron 1979); metrics that resampling biases take the
basic one. All networks see the same resamples, so the difference of two networks is a paired bootstrap.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

import numpy as np

from robustkd.statistics.bootstrap import RESAMPLES
from robustkd.statistics.intervals import (
    BOOTSTRAP_IMAGES,
    CONFIDENCE,
    ROUNDING,
    Interval,
    basic,
    hull,
    unvaried,
    with_zero,
)
from robustkd.statistics.significance import FEWEST_DIFFERING

BLOCK = 200
"""Resamples at a time."""

_NOT_COUNTED = -2.0
"""Stands for the answer of an image that does not count; no answer is as low."""

_KEPT = 200_000_000
"""Draws kept in memory, a byte each."""

Statistics = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""Takes weights, float (B, N): how often each image counts in each of B resamples; gives for each metric (B,), NaN
where it is not defined."""


@dataclass(frozen=True)
class Observed:
    """What one network's metrics are made of.

    Attributes:
        statistics: The metrics, as functions of how often each image counts.
        answers: By metric (N,), what each image gives to it, NaN where it does not count; only images that give another
            answer can make two networks differ. All images count for metrics without answers, and may differ.
        limits: By metric how surely it is known at best; of another metric between 0 and 1 that has answers, what is
            said of a share of the images that count.
    """

    statistics: Statistics
    answers: Mapping[str, np.ndarray] = field(default_factory=dict)
    limits: Mapping[str, Interval] = field(default_factory=dict)

    def limit(self, metric: str, value: float) -> Interval:
        """Say how surely a metric of this value is known at best; NaN where nothing is said."""
        if metric in self.limits:
            return self.limits[metric]
        if metric not in self.answers or not 0 <= value <= 1:
            return Interval(np.nan, np.nan)
        return unvaried(value, int((~np.isnan(self.answers[metric])).sum()))

    def counts_cases(self, metric: str) -> bool:
        """Whether a metric rests on yes or no of each image, so that a few unseen cases matter beside those seen."""
        answers = self.answers.get(metric, np.array([0.5]))
        return metric in self.limits or bool(np.isin(answers[~np.isnan(answers)], (0, 1)).all())


@dataclass(frozen=True)
class Resampled:
    """A metric of some networks, and what it is in resamples of their images; it is laid out by `metric_rows`.

    Attributes:
        values: float64 (M,), NaN where it is not defined.
        samples: float64 (M, R), the same in each resample.
        limits: float64 (M, 2), for each network how surely its metric is known at best; NaN where nothing is said.
        answers: float64 (M, N), what each image gives to it, NaN where it does not count.
        covers: What its intervals are called.
        counts_cases: Whether no interval is narrower than its limit; they are kept for resamples that all agree else.
        biased: Whether resampling biases it; its intervals are those of the basic bootstrap then.
    """

    values: np.ndarray
    samples: np.ndarray
    limits: np.ndarray
    answers: np.ndarray
    covers: str = BOOTSTRAP_IMAGES
    counts_cases: bool = False
    biased: bool = False

    def images(self, rows: np.ndarray) -> int:
        """The mean over networks."""
        return round(float((~np.isnan(self.answers[rows])).sum(axis=1).mean()))

    def of_network(self, row: int) -> tuple[Interval, str] | None:
        """Of its own resamples."""
        return self._bounds(self.samples[row], self.values[row], self.limits[row], 0)

    def of_mean(self, rows: np.ndarray) -> tuple[Interval, str] | None:
        """Of the mean over the networks for which it is defined, resample by resample."""
        samples, value, limits = (mean_of_defined(seen[rows]) for seen in (self.samples, self.values, self.limits))
        return self._bounds(samples, value, limits, 0)

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> tuple[Interval, str] | None:
        """Of the differences in the same resamples: paired; it holds 0 where very few images differ."""
        samples, value = (
            mean_of_defined(seen[rows]) - mean_of_defined(seen[others]) for seen in (self.samples, self.values)
        )
        limits = mean_of_defined(self.limits[rows]) - mean_of_defined(self.limits[others])[::-1]
        found = self._bounds(samples, value, limits, -1)
        if found is None or self._differing(rows, others) >= FEWEST_DIFFERING:
            return found
        return with_zero(found[0]), found[1]

    def _differing(self, rows: np.ndarray, others: np.ndarray) -> int:
        own, theirs = (
            np.nan_to_num(mean_of_defined(self.answers[chosen]), nan=_NOT_COUNTED) for chosen in (rows, others)
        )
        return int((np.abs(own - theirs) > ROUNDING).sum())

    def _bounds(
        self, samples: np.ndarray, value: np.ndarray, limits: np.ndarray, lowest: float
    ) -> tuple[Interval, str] | None:
        known = samples[~np.isnan(samples)]
        if np.isnan(value) or not len(known):
            return None
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(known, [tail, 1 - tail])
        interval = Interval(float(low), float(high))
        if self.biased:
            interval = basic(float(value), interval)
            interval = Interval(max(interval.low, lowest), min(interval.high, 1.0))
        same, bounded = bool(np.ptp(known) < ROUNDING), not np.isnan(limits).any()
        if same and not bounded:  # other images may give anything, and none of these says how far
            return None
        unsure = bounded and (same or self.counts_cases)
        return hull(interval, Interval(*limits.tolist())) if unsure else interval, self.covers


def resampled(
    networks: Sequence[Observed],
    images: int,
    biased: Collection[str] = (),
    covers: str = BOOTSTRAP_IMAGES,
    resamples: int = RESAMPLES,
) -> dict[str, Resampled]:
    """Compute metrics of networks, and what they would be for other images of the same kind.

    Args:
        networks: What was observed of each.
        images: How many images each has looked at, at least one.
        biased: The metrics that resampling biases; their intervals are basic ones, and called so.
        covers: What the other intervals are called.
        resamples: How many; a multiple of `BLOCK`.

    Returns:
        For each metric what was found.
    """
    once = np.ones((1, images))
    values = [{name: float(value[0]) for name, value in each.statistics(once).items()} for each in networks]
    blocks: list[list[Mapping[str, np.ndarray]]] = [[] for _ in networks]
    for drawn in islice(_resamples(images), resamples // BLOCK):
        weights = drawn.astype(np.float32, order="F")  # as the areas under curves like them best
        for network, seen in zip(networks, blocks, strict=True):
            seen.append(network.statistics(weights))
    # of its own for each network, and for no mean over others the same
    unnamed = np.random.default_rng(0).random((len(networks), 1)) + np.zeros(images)
    return {
        name: Resampled(
            np.array([known[name] for known in values]),
            np.stack([np.concatenate([block[name] for block in seen]) for seen in blocks]),
            np.array([each.limit(name, known[name]) for each, known in zip(networks, values, strict=True)]),
            np.stack([each.answers[name] for each in networks]) if name in networks[0].answers else unnamed,
            covers.replace("bootstrap", "basic bootstrap") if name in biased else covers,
            all(each.counts_cases(name) for each in networks),
            name in biased,
        )
        for name in (values[0] if values else ())
    }


def where(eligible: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Give answers, float64 (N,), of the eligible images alone; NaN for the others."""
    return np.where(eligible, answers.astype(np.float64), np.nan)


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


def mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Give the mean over the first axis of what is not NaN; NaN where all of it is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0))


def _resamples(images: int) -> Iterator[np.ndarray]:
    """How often each image is drawn, uint8 (BLOCK, N), block after block."""
    if images * RESAMPLES <= _KEPT:
        yield from _kept_resamples(images)
    else:
        yield from _drawn_resamples(images)


@lru_cache(maxsize=2)
def _kept_resamples(images: int) -> tuple[np.ndarray, ...]:
    return tuple(_drawn_resamples(images))


def _drawn_resamples(images: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(0)
    for _ in range(0, RESAMPLES, BLOCK):
        yield np.stack(
            [np.bincount(random.integers(0, images, images), minlength=images).astype(np.uint8) for _ in range(BLOCK)]
        )
