"""Tests of differences, and corrections for many comparisons."""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from robustkd.statistics.intervals import CONFIDENCE, Z

FEWEST_DIFFERING = 6
"""With fewer images on which two networks differ, no difference is significant: 2·(1/2)⁵ is 6.3 % (exact sign test)."""


def mcnemar(correct_1: np.ndarray, correct_2: np.ndarray) -> float:
    """Exact McNemar test of two networks on the same images (McNemar 1947).

    Args:
        correct_1: Whether the first network is right on each image, bool (N,).
        correct_2: Whether the second network is, bool (N,).

    Returns:
        The two-sided p-value of both being right equally often; 1 if they never differ.

    >>> import numpy as np
    >>> import robustkd as rk
    >>> first, second = np.array([True] * 6), np.array([False] * 6)
    >>> rk.metrics.mcnemar(first, second)  # 2 · (1/2)⁶
    0.03125
    """
    only_1, only_2 = int((correct_1 & ~correct_2).sum()), int((~correct_1 & correct_2).sum())
    if only_1 + only_2 == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(only_1, only_1 + only_2).pvalue)


def significant_signs(values: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> np.ndarray:
    """Judge differences: the one rule behind every verdict in a sentence and every mark in a table.

    Args:
        values: Differences (M,), NaN where absent.
        lows: Lower ends of their 95 % intervals (M,), NaN if there is none.
        highs: Upper ends (M,).

    Returns:
        int (M,): 1 where a difference is significantly above 0 (`differ_from_zero`), −1 where it is significantly
        below, 0 elsewhere.
    """
    differ = differ_from_zero(values, lows, highs)
    signs = (np.asarray(lows, dtype=np.float64) > 0).astype(int) - (np.asarray(highs, dtype=np.float64) < 0).astype(int)
    agree = signs * np.asarray(values, dtype=np.float64) > 0
    return np.where(differ & agree, signs, 0)


def differ_from_zero(values: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> np.ndarray:
    """Return which differences are significant at 5 %, corrected for their number (Holm), by their 95 % intervals.

    The p-value of a difference is that of a normal distribution whose standard error is the part of the interval that
    faces 0, divided by 1.96. It is below 5 % exactly where the interval excludes 0, so a single difference is judged by
    its interval.

    Args:
        values: Differences (M,), NaN where absent; such differences are not counted.
        lows: Lower ends of the intervals (M,), NaN if there is none; such differences are not counted either.
        highs: Upper ends (M,).

    Returns:
        bool (M,).
    """
    value, low, high = (np.asarray(given, dtype=np.float64) for given in (values, lows, highs))
    known = ~(np.isnan(value) | np.isnan(low) | np.isnan(high))
    nearest = np.where(low > 0, low, np.where(high < 0, high, 0))
    half = np.maximum(np.abs(value) - np.abs(nearest), 1e-300)
    p_values = 2 * ndtr(-Z * np.abs(value) / half)
    p_values = np.where(nearest == 0, 1.0, p_values)
    found = np.zeros(value.shape, dtype=np.bool_)
    found[known] = holm(p_values[known]) < 1 - CONFIDENCE
    return found


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Adjust p-values for their number, for any dependence between them (Holm 1979).

    Args:
        p_values: p-values (M,), each from 0 to 1.

    Returns:
        float64 (M,), in the same order: the level at which each would just be rejected among all.

    >>> import robustkd as rk
    >>> rk.metrics.holm([0.01, 0.04]).tolist()  # the smaller one times 2
    [0.02, 0.04]
    """
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    steps = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(steps, 1)
    return adjusted
