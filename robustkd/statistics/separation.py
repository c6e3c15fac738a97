"""Whether a statistic of networks tells one set of them from another, by a permutation test."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

MOST_EXACT = 20_000
"""The most permutations that are all computed; of more, as many are drawn."""

SEED = 0
"""The seed of the drawn permutations."""


class Separation(NamedTuple):
    """How well students are told from independent networks.

    Attributes:
        auroc: The share of pairs in which the student has the higher value, ties counted half; NaN without a pair.
        p_value: The one-sided p-value of no difference; NaN without a pair.
        lowest: The lowest p-value that so many networks can give.
        exact: Whether all permutations were computed.
    """

    auroc: float
    p_value: float
    lowest: float
    exact: bool


def separation(students: np.ndarray, independents: np.ndarray) -> Separation:
    """Tell students from independent networks by a statistic, and test it by permuting who is a student.

    Args:
        students: The statistic of each student, float64 (S,), NaN where not defined.
        independents: The statistic of each independent network, float64 (I,), NaN where not defined.

    Returns:
        The AUROC (Mann and Whitney 1947) and the p-value, which is the share of permutations with as high an AUROC
        (Fisher 1935); of drawn permutations, the observed one is counted among them (Phipson and Smyth 2010).
    """
    own, others = (values[~np.isnan(values)] for values in (students, independents))
    if not len(own) or not len(others):
        return Separation(float("nan"), float("nan"), 1.0, True)
    values = np.concatenate([own, others])
    # the AUROC rises with the sum of the ranks of the students, ties having their mean rank
    ranks = (values[:, None] > values).sum(axis=1) + ((values[:, None] == values).sum(axis=1) + 1) / 2
    auroc = (ranks[: len(own)].sum() - len(own) * (len(own) + 1) / 2) / (len(own) * len(others))
    count = comb(len(values), len(own))
    exact = count <= MOST_EXACT
    drawn = list(combinations(range(len(values)), len(own))) if exact else _draws(len(values), len(own))
    as_high = int((ranks[np.array(drawn)].sum(axis=1) >= ranks[: len(own)].sum() - 1e-9).sum())
    p_value = as_high / count if exact else (as_high + 1) / (MOST_EXACT + 1)
    return Separation(float(auroc), float(p_value), 1 / count if exact else 1 / (MOST_EXACT + 1), exact)


def _draws(networks: int, students: int) -> np.ndarray:
    """Random choices of students, int64 (`MOST_EXACT`, S)."""
    random = np.random.default_rng(SEED)
    return np.argsort(random.random((MOST_EXACT, networks)), axis=1)[:, :students]
