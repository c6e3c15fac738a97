"""Intervals, in one place; each name says what its interval covers."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000

BOOTSTRAP_IMAGES = "95% bootstrap over test images"
WILSON_IMAGES = "95% Wilson over test images"
T_SEEDS = "95% t over seeds"


class Interval(NamedTuple):
    """A two-sided 95 % interval."""

    low: float
    high: float


def bootstrap_mean(values: np.ndarray, seed: int = 0) -> Interval:
    """Percentile bootstrap of a mean over images (Efron 1979).

    The difference of two networks on the same images is a paired bootstrap when `values` holds their differences.

    Args:
        values: (N,), one finite number for each image.
        seed: Seeds the resampling.

    Returns:
        The interval.
    """
    if np.all(values == values[0]):
        return Interval(float(values[0]), float(values[0]))
    return _bootstrap((values.astype(np.float64),), np.mean, seed)


def bootstrap_ratio_difference(
    numerators: tuple[np.ndarray, np.ndarray], denominators: tuple[np.ndarray, np.ndarray], seed: int = 0
) -> Interval:
    """Paired percentile bootstrap, over images, of the difference of two rates that share their images.

    Args:
        numerators: Two arrays (N,), whether each image counts for the event of the first and second rate.
        denominators: Two arrays (N,), whether it is eligible for them.
        seed: Seeds the resampling.

    Returns:
        The interval of first rate minus second rate.
    """

    def difference(
        event_1: np.ndarray, event_2: np.ndarray, all_1: np.ndarray, all_2: np.ndarray, axis: int = -1
    ) -> np.ndarray:
        rates = (
            event.sum(axis) / np.maximum(eligible.sum(axis), 1)
            for event, eligible in ((event_1, all_1), (event_2, all_2))
        )
        first, second = rates
        return np.asarray(first - second)

    arrays = tuple(array.astype(np.float32) for array in (*numerators, *denominators))
    return _bootstrap(arrays, difference, seed, paired=True)


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927).

    Args:
        successes: How often it happened.
        trials: Of how many, at least one.

    Returns:
        The interval.
    """
    low, high = stats.binomtest(successes, trials).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(low), float(high))


def t_over_seeds(values: np.ndarray) -> Interval | None:
    """Student's t-interval of a mean over trainings (Student 1908); it covers the variation between seeds.

    Args:
        values: (S,), one finite number for each seed.

    Returns:
        The interval; None for fewer than three seeds, of which it would say nothing.
    """
    if len(values) < 3:
        return None
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(float(values.mean()) - half, float(values.mean()) + half)


def mcnemar(correct_1: np.ndarray, correct_2: np.ndarray) -> float:
    """Exact McNemar test of two networks on the same images (McNemar 1947).

    Args:
        correct_1: bool (N,).
        correct_2: bool (N,).

    Returns:
        The two-sided p-value that both are right equally often; 1 where they never differ.
    """
    only_1, only_2 = int((correct_1 & ~correct_2).sum()), int((~correct_1 & correct_2).sum())
    if only_1 + only_2 == 0:
        return 1.0
    return float(stats.binomtest(only_1, only_1 + only_2).pvalue)


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjust p-values for their number, whatever their dependence (Holm 1979).

    Args:
        p_values: (M,), each from 0 to 1.

    Returns:
        float64 (M,), in their order: the level at which each would just be rejected among all.
    """
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    steps = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted


def _bootstrap(
    samples: tuple[np.ndarray, ...], statistic: Callable[..., Any], seed: int, paired: bool = False
) -> Interval:
    result = stats.bootstrap(
        samples,
        statistic,
        paired=paired,
        n_resamples=RESAMPLES,
        batch=100,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return Interval(float(result.confidence_interval.low), float(result.confidence_interval.high))
