"""Intervals of metrics that are no means over images: recalls, areas under curves, calibration errors.

Such a metric is a function of how often each image counts. Once each, and it is the value; as often as each was drawn,
and it is one resample of the percentile bootstrap over images (Efron 1979); metrics that resampling biases take the
basic one. All networks see the same resamples, so the difference of two networks is a paired bootstrap.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np

from robustkd.evaluations.statistics import (
    BOOTSTRAP_IMAGES,
    CONFIDENCE,
    FEWEST_DIFFERING,
    RESAMPLES,
    ROUNDING,
    Interval,
    basic,
    unvaried,
    with_zero,
)

BLOCK = 200
"""Resamples at a time."""

_KEPT = 200_000_000
"""Draws kept in memory, a byte each."""

Statistics = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""Takes weights, float (B, N): how often each image counts in each of B resamples; gives for each metric (B,), NaN
where it is not defined."""


@dataclass(frozen=True)
class Resampled:
    """A metric of some networks, and what it is in resamples of their images; it is laid out by `metric_rows`.

    Attributes:
        values: float64 (M,), NaN where it is not defined.
        samples: float64 (M, R), the same in each resample.
        limits: float64 (M, 2), for each network the interval where all its resamples agree; NaN for none.
        counts: int64 (M,), how many images count for each network.
        covers: What its intervals are called.
        biased: Whether resampling biases it; its intervals are those of the basic bootstrap then.
    """

    values: np.ndarray
    samples: np.ndarray
    limits: np.ndarray
    counts: np.ndarray
    covers: str = BOOTSTRAP_IMAGES
    biased: bool = False

    def images(self, rows: np.ndarray) -> int:
        """The mean over networks."""
        return round(float(self.counts[rows].mean()))

    def of_network(self, row: int) -> tuple[Interval, str] | None:
        """Of its own resamples."""
        return self._bounds(self.samples[row], self.values[row], self.limits[row], 0)

    def of_mean(self, rows: np.ndarray) -> tuple[Interval, str] | None:
        """Of the mean over the networks for which it is defined, resample by resample."""
        samples, value, limits = (self._mean(seen[rows]) for seen in (self.samples, self.values, self.limits))
        return self._bounds(samples, value, limits, 0)

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> tuple[Interval, str] | None:
        """Of the differences in the same resamples: paired."""
        samples, value = (self._mean(seen[rows]) - self._mean(seen[others]) for seen in (self.samples, self.values))
        limits = self._mean(self.limits[rows]) - self._mean(self.limits[others])[::-1]
        found = self._bounds(samples, value, limits, -1)
        return found if found is None or self.images(rows) >= FEWEST_DIFFERING else (with_zero(found[0]), found[1])

    def _bounds(
        self, samples: np.ndarray, value: np.ndarray, limits: np.ndarray, lowest: float
    ) -> tuple[Interval, str] | None:
        known = samples[~np.isnan(samples)]
        if np.isnan(value) or not len(known):
            return None
        if np.ptp(known) < ROUNDING and not np.isnan(limits).any():
            return Interval(*limits.tolist()), self.covers
        tail = (1 - CONFIDENCE) / 2
        low, high = np.quantile(known, [tail, 1 - tail])
        interval = Interval(float(low), float(high))
        if self.biased:
            interval = basic(float(value), interval)
            interval = Interval(max(interval.low, lowest), min(interval.high, 1.0))
        return interval, self.covers

    @staticmethod
    def _mean(values: np.ndarray) -> np.ndarray:
        defined = ~np.isnan(values)
        return ratio(np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0))


def resampled(
    networks: Sequence[Statistics],
    images: int,
    biased: Collection[str] = (),
    covers: str = BOOTSTRAP_IMAGES,
    counts: Mapping[str, Sequence[int]] | None = None,
    limits: Mapping[str, Sequence[Interval]] | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Resampled]:
    """Compute metrics of networks, and what they would be for other images of the same kind.

    Args:
        networks: For each network its metrics as functions of the weights of its images.
        images: How many images each has looked at, at least one.
        biased: The metrics that resampling biases; their intervals are basic ones, and called so.
        covers: What the other intervals are called.
        counts: Of a metric that is a share, for each network how many images it is a share of.
        limits: Of another metric, for each network the interval where all resamples agree; they may be left with that
            one number else.
        resamples: How many; a multiple of `BLOCK`.

    Returns:
        For each metric what was found.
    """
    once = np.ones((1, images))
    values = [{name: float(value[0]) for name, value in network(once).items()} for network in networks]
    blocks: list[list[Mapping[str, np.ndarray]]] = [[] for _ in networks]
    for drawn in islice(_resamples(images), resamples // BLOCK):
        weights = drawn.astype(np.float32, order="F")  # as the areas under curves like them best
        for network, seen in zip(networks, blocks, strict=True):
            seen.append(network(weights))
    found = {}
    for name in values[0] if values else ():
        own, count = np.array([known[name] for known in values]), (counts or {}).get(name)
        known_limits = (limits or {}).get(name) or [
            Interval(np.nan, np.nan) if count is None else unvaried(value, count[row]) for row, value in enumerate(own)
        ]
        found[name] = Resampled(
            own,
            np.stack([np.concatenate([block[name] for block in seen]) for seen in blocks]),
            np.array(known_limits),
            np.array([images] * len(own) if count is None else count),
            covers.replace("bootstrap", "basic bootstrap") if name in biased else covers,
            name in biased,
        )
    return found


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
