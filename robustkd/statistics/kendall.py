"""Kendall's rank correlation of two short lists of numbers, and its interval when both are uncertain."""

import numpy as np

from robustkd.statistics.bootstrap import percentiles
from robustkd.statistics.intervals import ROUNDING, Interval, basic


def kendall_tau(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Kendall's τ-b of two lists, or of many pairs of lists at once (Kendall 1945).

    For C pairs of items in the same order in both lists and D in opposite order, among n₁ pairs that are not tied in
    the first list and n₂ in the second, τ-b = (C − D) / √(n₁ n₂).

    Args:
        first: A number for each of M items, float (..., M), without NaN.
        second: Other numbers of the same items, float (..., M).

    Returns:
        float64 (...), from −1 to 1; NaN where all items of a list are tied.
    """
    one, two = _orders(first), _orders(second)
    untied = np.sqrt((one != 0).sum(axis=-1) * (two != 0).sum(axis=-1))
    together = (one * two).sum(axis=-1).astype(np.float64)
    return np.divide(together, untied, out=np.full(together.shape, np.nan), where=untied > 0)


def kendall_p_value(first: np.ndarray, second: np.ndarray) -> float:
    """Return the two-sided p-value of no association between two lists (Kendall 1945, as SciPy computes it).

    Args:
        first: A number for each of M items, float (M,), without NaN.
        second: Other numbers of the same items, float (M,).
    """
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).pvalue)


def kendall_interval(value: float, first: np.ndarray, second: np.ndarray) -> Interval | None:
    """Return the basic bootstrap interval of τ-b from draws of both lists.

    A draw adds its own noise to an order that already has some, so τ of the draws lies nearer to 0 than τ itself; the
    basic interval removes that bias instead of doubling it.

    Args:
        value: τ-b of the two lists.
        first: R draws of the first list, float (R, M).
        second: R draws of the second, float (R, M).

    Returns:
        The interval, within [−1, 1]; None where τ of no draw is defined.
    """
    drawn = kendall_tau(first, second)
    known = drawn[~np.isnan(drawn)]
    if not len(known):
        return None
    found = basic(value, percentiles(known))
    return Interval(max(found.low, -1.0), min(found.high, 1.0))


def _orders(values: np.ndarray) -> np.ndarray:
    """The sign of the difference of each pair of items, int8 (..., M (M − 1) / 2); 0 for ties up to rounding."""
    rows, columns = np.triu_indices(values.shape[-1], k=1)
    differences = values[..., columns] - values[..., rows]
    return np.where(np.abs(differences) <= ROUNDING, 0, np.sign(differences)).astype(np.int8)
