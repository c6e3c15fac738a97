"""Bootstrap intervals over images: of means, of differences of rates, and of functions of several means."""

from collections.abc import Callable

import numpy as np

from robustkd.statistics.intervals import CONFIDENCE, Interval, hull, unvaried, with_zero
from robustkd.statistics.significance import FEWEST_DIFFERING

RESAMPLES = 2000

_RESAMPLES_AT_ONCE = 100

_FEW_LEVELS = 64


def bootstrap_mean(values: np.ndarray, seed: int = 0) -> Interval:
    """Percentile bootstrap of a mean over images (Efron 1979).

    The difference of two networks on the same images is a paired bootstrap when `values` holds their differences.

    Args:
        values: One finite number for each image, (N,).
        seed: The seed of the resampling.

    Returns:
        The interval.
    """
    levels, counts = np.unique(values, return_counts=True)
    if len(levels) <= _FEW_LEVELS:  # the same distribution as drawing images, in a fraction of the time
        drawn = np.random.default_rng(seed).multinomial(len(values), counts / len(values), RESAMPLES)
        return percentiles(drawn @ levels.astype(np.float64) / len(values))
    from scipy import stats

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

    An image enters the rates through four yes-or-no answers only, so a resample is a multinomial draw of the number of
    images with each combination of answers. That has the same distribution as drawing the images, and is faster.

    Args:
        numerators: For each rate whether the event happened on each image, two bool arrays (N,).
        denominators: For each rate whether each image is eligible, two bool arrays (N,).
        seed: The seed of the resampling.

    Returns:
        The interval of first rate minus second rate, over the resamples that have an eligible image for both; None
        where most have not. It contains 0 where the rates differ in fewer than `FEWEST_DIFFERING` images.
    """
    answers = np.stack([np.asarray(array, dtype=np.bool_) for array in (*numerators, *denominators)])
    combinations, counts = np.unique(answers, axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), RESAMPLES)
    event_1, event_2, all_1, all_2 = (drawn @ combinations.T).T
    defined = (all_1 > 0) & (all_2 > 0)
    if 2 * defined.sum() < RESAMPLES:
        return None
    interval = percentiles(event_1[defined] / all_1[defined] - event_2[defined] / all_2[defined])
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
    """Percentile bootstrap, over images, of a function of several means over the same images.

    Args:
        statistic: A function from means (R, Q), one row for each resample, to values (R,), NaN where not defined.
        values: Q finite numbers for each image, (Q, N).
        seed: The seed of the resampling.

    Returns:
        The interval over the resamples in which the statistic is defined; None where it never is.
    """
    return defined_percentiles(statistic(resampled_means(values, seed)))


def resampled_means(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """Resample the images many times, and average several values over the same draws.

    Args:
        values: Q finite numbers for each image, (Q, N).
        seed: The seed of the resampling.

    Returns:
        The means of each resample, float64 (R, Q).
    """
    random, count = np.random.default_rng(seed), values.shape[1]
    drawn = []
    for start in range(0, RESAMPLES, _RESAMPLES_AT_ONCE):
        rows = min(_RESAMPLES_AT_ONCE, RESAMPLES - start)
        weights = random.multinomial(count, np.full(count, 1 / count), rows) / count
        drawn.append(weights @ values.T)
    return np.concatenate(drawn)


def defined_percentiles(samples: np.ndarray) -> Interval | None:
    """Return the percentile interval of the samples that are not NaN; None where all are."""
    known = samples[~np.isnan(samples)]
    return percentiles(known) if len(known) else None


def percentiles(samples: np.ndarray) -> Interval:
    """Return the interval between the 2.5th and the 97.5th percentile of samples without NaN."""
    low, high = np.percentile(samples, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return Interval(float(low), float(high))
