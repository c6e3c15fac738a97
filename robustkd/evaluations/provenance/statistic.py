"""The statistic of a network, and the permutation test of two sets of networks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np

from robustkd.statistics.resampling import Observed, mean_of_defined, share, where

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


def agreement_on_errors(
    agrees: np.ndarray, correct: np.ndarray, teacher_correct: np.ndarray, wrong: np.ndarray, classes: int
) -> Observed:
    """Compute the agreement with the teacher on the errors of baselines, for any resample of the images.

    Args:
        agrees: Whether the network predicts the teacher's class, bool (N,).
        correct: Whether the network is right, bool (N,).
        teacher_correct: Whether the teacher is right, bool (N,).
        wrong: Whether each baseline is wrong, bool (B, N).
        classes: The number of classes K, at least 2.

    Returns:
        ``agreement_on_errors`` and ``agreement_beyond_accuracy``, which subtracts what the accuracies p and t on the
        same images imply, p·t + (1 − p)(1 − t)/(K − 1). Both are means over the baselines that err; NaN if there is
        none.
    """

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        plain, beyond = [np.full(len(weights), np.nan)], [np.full(len(weights), np.nan)]
        for errors in wrong:
            agreement, own, theirs = (share(event, errors, weights) for event in (agrees, correct, teacher_correct))
            plain.append(agreement)
            beyond.append(agreement - own * theirs - (1 - own) * (1 - theirs) / max(classes - 1, 1))
        means = [mean_of_defined(np.stack(values)) for values in (plain, beyond)]
        return dict(zip(("agreement_on_errors", "agreement_beyond_accuracy"), means, strict=True))

    return Observed(statistics, {"agreement_on_errors": where(np.asarray(wrong.any(axis=0)), agrees)})


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
