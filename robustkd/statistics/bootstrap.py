"""Bootstrap intervals over images: of means, of differences of rates, and of functions of several means."""

import numpy as np

from robustkd.statistics.intervals import CONFIDENCE, Interval, unvaried
from robustkd.statistics.rates import Counted, paired_test
from robustkd.statistics.studentised import OverImages, Tested, clipped, t_test

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


def ratio_difference(first: Counted, second: Counted, seed: int = 0) -> Tested | None:
    """Test the difference of two rates whose eligible images overlap, by Student's t with a bootstrap's variance.

    An image enters the rates through four yes-or-no answers only, so a resample is a multinomial draw of the number of
    images with each combination of answers. That has the same distribution as drawing the images, and is faster. Where
    both rates have the same eligible images, the p-value is that of the exact McNemar test.

    Args:
        first: The first rate.
        second: The rate that is subtracted.
        seed: The seed of the resampling.

    Returns:
        Interval and test of the first rate minus the second, over the resamples that have an eligible image for both;
        None if most have not.
    """
    answers = np.stack([first.events, second.events, first.eligible, second.eligible]).astype(np.bool_)
    if (answers[2] == answers[3]).all():
        eligible = answers[2]
        return paired_test(answers[0][eligible], answers[1][eligible]) if eligible.any() else None
    combinations, counts = np.unique(answers, axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), RESAMPLES)
    event_1, event_2, all_1, all_2 = (drawn @ combinations.T).T
    defined = (all_1 > 0) & (all_2 > 0)
    if 2 * defined.sum() < RESAMPLES:
        return None
    samples = event_1[defined] / all_1[defined] - event_2[defined] / all_2[defined]
    limits = [unvaried(rate.rate, int(rate.eligible.sum())) for rate in (first, second)]
    narrowest = Interval(limits[0].low - limits[1].high, limits[0].high - limits[1].low)
    value = first.rate - second.rate
    differing = (answers[0] != answers[1]) | (answers[2] != answers[3])
    found = t_test(value, OverImages(float(samples.var(ddof=1)), int(differing.sum()) - 1), [], narrowest)
    return found._replace(interval=clipped(found.interval, -1, 1))


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
