"""Spearman's rank correlation, in resamples of the images."""

from __future__ import annotations

import numpy as np

from robustkd.statistics.resampling import ratio


def rank_correlation(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of two scores (Spearman 1904), with mean ranks for ties.

    Args:
        first: One score of each image, float (N,), without NaN.
        second: The other.
        weights: How often each image counts in each of B resamples, (B, N).

    Returns:
        float64 (B,); NaN where a score has the same value for every image.
    """
    total = weights.sum(axis=1, keepdims=True, dtype=np.float64)
    own, other = (_mean_ranks(scores, weights) - (total + 1) / 2 for scores in (first, second))
    together, one, two = ((weights * product).sum(axis=1) for product in (own * other, own**2, other**2))
    varies = (one > _FLAT) & (two > _FLAT)
    return ratio(np.where(varies, together, 0), np.where(varies, np.sqrt(one * two), 0))


_FLAT = 1e-3
"""Ranks are multiples of one half, so that the sum of their squares is 0 or at least one quarter."""


def _mean_ranks(scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean rank of each image among all, counted as often as its weight says, float64 (B, N)."""
    _, groups = np.unique(scores, return_inverse=True)
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(groups[order]) != 0, True))
    upto = weights[:, order].cumsum(axis=1, dtype=np.float64)[:, ends]
    before = np.concatenate([np.zeros((len(upto), 1)), upto[:, :-1]], axis=1)
    return np.asarray(((before + upto + 1) / 2)[:, groups])
