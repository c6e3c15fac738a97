"""Intervals of metrics that are not means over images: recalls, areas under curves, calibration errors.

Such a metric is a function of how often each image counts. If each image counts once, the function returns the value;
if each counts as often as it was drawn, one resample of the percentile bootstrap over images (Efron 1979). Metrics that
resampling biases have the basic bootstrap's interval. All networks share the same resamples, so that the difference of
two networks is a paired bootstrap.
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
)
from robustkd.statistics.studentised import OverImages, Side, Tested, clipped, t_interval, t_test

BLOCK = 200
"""The number of resamples computed at a time."""

_NOT_COUNTED = -2.0
"""The placeholder for the answer of an image that does not count; it is lower than any answer."""

_KEPT = 200_000_000
"""The number of draws kept in memory, a byte each."""

Statistics = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""A function from weights, float (B, N), how often each image counts in each of B resamples, to the values (B,) of each
metric, NaN where it is not defined."""


@dataclass(frozen=True)
class Observed:
    """The observations on one network that its metrics are computed from.

    Attributes:
        statistics: The metrics, as functions of how often each image counts.
        answers: For a metric what each image contributes, (N,), NaN where it does not count. Two networks differ only
            on images with different answers. For metrics without answers, all images count and may differ.
        limits: For a metric the narrowest interval that it can have. Metrics between 0 and 1 that have answers but no
            limit take that of a share of the images that count.
    """

    statistics: Statistics
    answers: Mapping[str, np.ndarray] = field(default_factory=dict)
    limits: Mapping[str, Interval] = field(default_factory=dict)

    def limit(self, metric: str, value: float) -> Interval:
        """Return the narrowest interval that a metric of this value can have; NaN where none is known."""
        if metric in self.limits:
            return self.limits[metric]
        if metric not in self.answers or not 0 <= value <= 1:
            return Interval(np.nan, np.nan)
        return unvaried(value, int((~np.isnan(self.answers[metric])).sum()))

    def counts_cases(self, metric: str) -> bool:
        """Return whether each image answers yes or no, so that a few unseen cases matter beside those seen."""
        answers = self.answers.get(metric, np.array([0.5]))
        return metric in self.limits or bool(np.isin(answers[~np.isnan(answers)], (0, 1)).all())


@dataclass(frozen=True)
class Resampled:
    """A metric of some networks, and its values in resamples of their images; `metric_rows` turns it into rows.

    Where all resamples agree and no limit is known, there is no interval: other images may give anything
    (`MeanOverImages` has the reasoning).

    Attributes:
        values: The value of each network, float64 (M,), NaN where it is not defined.
        samples: The value in each resample, float64 (M, R).
        limits: For each network the narrowest interval, float64 (M, 2), NaN where none is known.
        answers: What each image contributes, float64 (M, N), NaN where it does not count.
        covers: The name of its intervals.
        counts_cases: Whether the limit applies to every interval; otherwise only where all resamples agree.
        biased: Whether resampling biases it, so that its intervals are those of the basic bootstrap.
    """

    values: np.ndarray
    samples: np.ndarray
    limits: np.ndarray
    answers: np.ndarray
    covers: str = BOOTSTRAP_IMAGES
    counts_cases: bool = False
    biased: bool = False

    def images(self, rows: np.ndarray) -> int:
        """Return the number of images that count, on average over networks."""
        return round(float((~np.isnan(self.answers[rows])).sum(axis=1).mean()))

    def of_network(self, row: int) -> tuple[Interval, str] | None:
        """Return the interval of one network."""
        return self._bounds(self.samples[row], self.values[row], self.limits[row], 0)

    def of_mean(self, rows: np.ndarray) -> tuple[Interval, str] | None:
        """Return the interval of the mean over the networks for which it is defined.

        From three networks on it covers images and trainings, with the variance over resamples.
        """
        samples, value, limits = (mean_of_defined(seen[rows]) for seen in (self.samples, self.values, self.limits))
        found = self._bounds(samples, value, limits, 0)
        side = self._side(rows)
        if found is None or side is None or not side.counts:
            return found
        interval, covers = t_interval(float(value), self._over_images(side.mean, self.images(rows) - 1), [side])
        if self.counts_cases or found[0].high - found[0].low < ROUNDING:
            interval = hull(interval, found[0])
        if self.share:
            interval = clipped(interval, 0, 1)
        return interval, covers

    def of_value(self, rows: np.ndarray) -> Tested | None:
        """Return interval and test of the mean over networks being 0, for a metric that may be negative."""
        side = self._side(rows)
        if side is None:
            return None
        value, limits = float(mean_of_defined(self.values[rows])), mean_of_defined(self.limits[rows])
        narrowest = Interval(*limits.tolist()) if self.counts_cases and not np.isnan(limits).any() else None
        return t_test(value, self._over_images(side.mean, self.images(rows) - 1), [side], narrowest)

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> Tested | None:
        """Return the difference in the same resamples, tested by Student's t with their variance."""
        samples, value = (
            mean_of_defined(seen[rows]) - mean_of_defined(seen[others]) for seen in (self.samples, self.values)
        )
        limits = mean_of_defined(self.limits[rows]) - mean_of_defined(self.limits[others])[::-1]
        found = self._bounds(samples, value, limits, -1)
        if found is None:
            return None
        known = samples[~np.isnan(samples)]
        images = self._over_images(float(known.var(ddof=1)), self._differing(rows, others) - 1)
        sides = [side for side in (self._side(rows), self._side(others)) if side is not None]
        unsure = self.counts_cases or np.ptp(known) < ROUNDING
        narrowest = Interval(*limits.tolist()) if unsure and not np.isnan(limits).any() else None
        tested = t_test(float(value), images, sides, narrowest)
        return tested._replace(interval=clipped(tested.interval, -1, 1)) if self.share else tested

    def _over_images(self, variance: float, degrees: int) -> OverImages:
        return OverImages(variance, degrees, f"95% t over {self.covers.rpartition('over ')[2]}")

    @property
    def share(self) -> bool:
        """Whether every value lies in [0, 1], as far as is known: κ and other differences may be negative."""
        return not np.isnan(self.limits).any() and bool((self.limits >= 0).all())

    def _side(self, rows: np.ndarray) -> Side | None:
        """The networks for which the metric is defined; None if there are none."""
        defined = rows[~np.isnan(self.values[rows])]
        samples = self.samples[defined]
        whole = samples[:, ~np.isnan(samples).any(axis=0)]
        if not len(defined) or whole.shape[1] < 2:
            return None
        each, mean = float(whole.var(axis=1, ddof=1).mean()), float(whole.mean(axis=0).var(ddof=1))
        return Side(self.values[defined], each, mean)

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
        if same and not bounded:  # other images may have other values, by an unknown amount
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
    """Compute metrics of networks, and their values in resamples of the images.

    Args:
        networks: The observations on each network.
        images: The number of images, at least one.
        biased: The metrics that resampling biases; their intervals are basic ones, and named so.
        covers: The name of the other intervals.
        resamples: The number of resamples; a multiple of `BLOCK`.

    Returns:
        The values and resamples of each metric.
    """
    once = np.ones((1, images))
    values = [{name: float(value[0]) for name, value in each.statistics(once).items()} for each in networks]
    blocks: list[list[Mapping[str, np.ndarray]]] = [[] for _ in networks]
    for drawn in islice(_resamples(images), resamples // BLOCK):
        weights = drawn.astype(np.float32, order="F")  # the layout in which areas under curves are fastest
        for network, seen in zip(networks, blocks, strict=True):
            seen.append(network.statistics(weights))
    # numbers that differ between any two networks and means of networks
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
    """Return the answers of the eligible images, float64 (N,), NaN for the others."""
    return np.where(eligible, answers.astype(np.float64), np.nan)


def share(event: np.ndarray, eligible: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the weighted share of the eligible images on which an event happened.

    Args:
        event: Whether it happened on each image, bool (N,); only eligible images count.
        eligible: Whether each image is eligible, bool (N,).
        weights: How often each image counts, (B, N).

    Returns:
        float64 (B,); NaN where no image is eligible.
    """
    return ratio(weights @ (event & eligible).astype(np.float32), weights @ eligible.astype(np.float32))


def ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Divide, float64; NaN where the denominator is 0."""
    above, below = np.broadcast_arrays(np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64))
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)


def mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of what is not NaN; NaN where all is."""
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
