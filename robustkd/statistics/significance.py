"""Tests of differences, and corrections for many comparisons."""

from collections.abc import Sequence

import numpy as np

from robustkd.statistics.intervals import CONFIDENCE


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


def significant_signs(values: Sequence[float], p_values: Sequence[float], comparisons: int | None = None) -> np.ndarray:
    """Judge differences: the one rule behind every verdict in a sentence and every mark in a table.

    Args:
        values: Differences (M,), NaN where absent.
        p_values: The p-value of each, (M,), NaN where there is none; such differences do not count.
        comparisons: The number of comparisons that these were chosen from; None for these alone.

    Returns:
        int (M,): 1 where a difference is significantly above 0 at 5 %, corrected for their number (Holm), −1 where it
        is significantly below, 0 elsewhere.
    """
    value, p = (np.asarray(given, dtype=np.float64) for given in (values, p_values))
    known = ~(np.isnan(value) | np.isnan(p))
    signs = np.zeros(value.shape, dtype=np.int64)
    unseen = np.ones(max((comparisons or 0) - int(known.sum()), 0))
    adjusted = holm(np.concatenate([p[known], unseen]))[: int(known.sum())]
    signs[known] = np.where(adjusted < 1 - CONFIDENCE, np.sign(value[known]), 0)
    return signs


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
