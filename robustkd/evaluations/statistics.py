"""Intervals, in one place; each name says what its interval covers."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000
ROUNDING = 1e-12
"""Means of the same numbers, summed in another order, differ by less."""

_Z = float(stats.norm.ppf((1 + CONFIDENCE) / 2))
_RESAMPLES_AT_ONCE = 100
_FEW_LEVELS = 64

FEWEST_DIFFERING = 6
"""Of fewer images on which two networks differ, no difference is significant: 2·(1/2)⁵ is 6.3 % (exact sign test)."""

BOOTSTRAP_IMAGES = "95% bootstrap over test images"
TRAINING_IMAGES = "95% bootstrap over training images"
WILSON_IMAGES = "95% Wilson over test images"
T_SEEDS = "95% t over seeds"
HOLM_CLASSES = "95% for all classes together, Holm"


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
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) <= _FEW_LEVELS:  # as many of each as a resample of the images would have, in a fraction of the time
        drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), RESAMPLES)
        return _percentiles(drawn @ levels.astype(np.float64) / len(values))
    result = stats.bootstrap(
        (values.astype(np.float64),),
        np.mean,
        n_resamples=RESAMPLES,
        batch=100,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return Interval(float(result.confidence_interval.low), float(result.confidence_interval.high))


def bootstrap_ratio_difference(
    numerators: tuple[np.ndarray, np.ndarray], denominators: tuple[np.ndarray, np.ndarray], seed: int = 0
) -> Interval | None:
    """Paired percentile bootstrap, over images, of the difference of two rates that share their images.

    An image enters the rates through four yes-or-no answers alone, so a resample is a multinomial draw of how many
    images give each combination of answers: the same distribution as drawing the images, in a fraction of the time.

    Args:
        numerators: Two bool arrays (N,), whether each image counts for the event of the first and second rate.
        denominators: Two bool arrays (N,), whether it is eligible for them.
        seed: Seeds the resampling.

    Returns:
        The interval of first rate minus second rate, over the resamples that have an eligible image for both; None
        where most have not. It holds 0 where the rates differ in fewer than `FEWEST_DIFFERING` images.
    """
    answers = np.stack([np.asarray(array, dtype=np.bool_) for array in (*numerators, *denominators)])
    combinations, counts = np.unique(answers, axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), RESAMPLES)
    event_1, event_2, all_1, all_2 = (drawn @ combinations.T).T
    defined = (all_1 > 0) & (all_2 > 0)
    if 2 * defined.sum() < RESAMPLES:
        return None
    interval = _percentiles(event_1[defined] / all_1[defined] - event_2[defined] / all_2[defined])
    differing = (answers[0] != answers[1]) | (answers[2] != answers[3])
    first, second = (
        unvaried(float(event[everyone].mean()), int(everyone.sum()))
        for event, everyone in zip(answers[:2], answers[2:], strict=True)
    )
    interval = hull(interval, Interval(first.low - second.high, first.high - second.low))
    return interval if differing.sum() >= FEWEST_DIFFERING else with_zero(interval)


def bootstrap_of_means(
    statistic: Callable[[np.ndarray], np.ndarray], values: np.ndarray, seed: int = 0
) -> Interval | None:
    """Percentile bootstrap, over images, of something computed from several means over the same images.

    Args:
        statistic: From means (R, Q), one row for each resample, to its values (R,); NaN where it is not defined.
        values: (Q, N), finite numbers for each image.
        seed: Seeds the resampling.

    Returns:
        The interval over the resamples in which the statistic is defined; None where it never is.
    """
    return defined_percentiles(statistic(resampled_means(values, seed)))


def resampled_means(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draw the images anew, many times, and average several values over the same draws.

    Args:
        values: (Q, N), finite numbers for each image.
        seed: Seeds the resampling.

    Returns:
        float64 (R, Q), the means of each resample.
    """
    random, count = np.random.default_rng(seed), values.shape[1]
    drawn = []
    for start in range(0, RESAMPLES, _RESAMPLES_AT_ONCE):
        rows = min(_RESAMPLES_AT_ONCE, RESAMPLES - start)
        weights = random.multinomial(count, np.full(count, 1 / count), rows) / count
        drawn.append(weights @ values.T)
    return np.concatenate(drawn)


def defined_percentiles(samples: np.ndarray) -> Interval | None:
    """Give the percentile interval of the samples that are not NaN; None where all are."""
    known = samples[~np.isnan(samples)]
    return _percentiles(known) if len(known) else None


def unvaried(value: float, images: int, lowest: float = 0.0, highest: float = 1.0) -> Interval:
    """Say how surely a mean over images is known at best: if every image seen had given the same.

    All resamples of such images agree, so the bootstrap would give a single number. But of all images a share may do
    otherwise that is as large as Wilson's upper end of none in so many, and do so by anything in the range. Where
    images do differ, the bootstrap's interval is wider than this one, but for a handful of images.

    Args:
        value: The mean.
        images: How many were seen.
        lowest: An image can give no less.
        highest: Nor more.

    Returns:
        The interval; of a share that is 0 or 1, Wilson's.
    """
    otherwise = wilson(0, max(images, 1)).high
    return Interval(value - otherwise * (value - lowest), value + otherwise * (highest - value))


def hull(interval: Interval, other: Interval) -> Interval:
    """Give the smallest interval that holds both."""
    return Interval(min(interval.low, other.low), max(interval.high, other.high))


def with_zero(interval: Interval) -> Interval:
    """Widen the interval of a difference to hold 0, where there are too few images to exclude it."""
    return hull(interval, Interval(0.0, 0.0))


def basic(value: float, percentiles: Interval) -> Interval:
    """Turn the percentiles of resamples around, so that their bias is undone and not doubled.

    That is the basic bootstrap interval, [2v − q_high, 2v − q_low] (Efron and Tibshirani 1993, section 13; Davison and
    Hinkley 1997, equation 5.6). Where all resamples lie to one side of the value, it would lie to the other side
    altogether; it is widened to hold the value then.

    Args:
        value: Of the statistic.
        percentiles: Of its resamples.
    """
    low, high = 2 * value - percentiles.high, 2 * value - percentiles.low
    return Interval(min(low, value), max(high, value))


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927).

    Args:
        successes: How often it happened.
        trials: Of how many, at least one.

    Returns:
        The interval.
    """
    share, shrink = successes / trials, 1 + _Z**2 / trials
    middle = (share + _Z**2 / (2 * trials)) / shrink
    half = _Z / shrink * math.sqrt(share * (1 - share) / trials + _Z**2 / (4 * trials**2))
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


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


def differ_from_zero(values: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> np.ndarray:
    """Say which differences are significant at 5 %, corrected for their number (Holm), by their 95 % intervals.

    The p-value of one is that of a normal distribution whose standard error is the part of the interval that faces 0,
    over 1.96: it is below 5 % just where the interval excludes 0, so a single difference is judged by its interval.

    Args:
        values: (M,), NaN where absent; such ones are not counted.
        lows: (M,), lower ends.
        highs: (M,), upper ends.

    Returns:
        bool (M,).
    """
    value, low, high = (np.asarray(given, dtype=np.float64) for given in (values, lows, highs))
    known = ~(np.isnan(value) | np.isnan(low) | np.isnan(high))
    nearest = np.where(low > 0, low, np.where(high < 0, high, 0))
    half = np.maximum(np.abs(value) - np.abs(nearest), 1e-300)
    p_values = 2 * stats.norm.sf(_Z * np.abs(value) / half)
    p_values = np.where(nearest == 0, 1.0, p_values)
    found = np.zeros(value.shape, dtype=np.bool_)
    found[known] = holm(p_values[known]) < 1 - CONFIDENCE
    return found


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
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


def _percentiles(samples: np.ndarray) -> Interval:
    low, high = np.percentile(samples, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return Interval(float(low), float(high))
