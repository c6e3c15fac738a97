"""How well a score tells two sets of images apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.errors import BadInputError
from robustkd.evaluations.membership.attack import scaled_confidence as scaled
from robustkd.evaluations.membership.attack import true_positive_rate as rate_of_counts
from robustkd.metrics.arrays import predictions_of, same_shape
from robustkd.statistics.detection import Detection, ranked
from robustkd.statistics.detection import detection as detection_of
from robustkd.statistics.rank_correlation import rank_correlation as correlation


def detection(inside: ArrayLike, outside: ArrayLike) -> Detection:
    """Return AUROC, AUPR and the false positive rate at 95 % (Hendrycks and Gimpel 2017; Liu et al. 2020).

    Args:
        inside: The score of each image of the known classes, (n,), meant to be the higher one.
        outside: The score of each other image, (m,).

    Returns:
        `auroc`, `aupr` (the first set as positives) and `fpr95`, the share of the second set above the threshold that
        95 % of the first pass.

    Raises:
        BadInputError: A set is empty, or a score is NaN.

    >>> rk.metrics.detection([0.9, 0.8, 0.4], [0.5, 0.1]).auroc.__round__(4)
    0.8333
    """
    return detection_of(_scores(inside), _scores(outside))


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Return Spearman's rank correlation of two scores of the same images, ties having their mean rank.

    Args:
        first: (N,).
        second: (N,).

    Returns:
        −1 to 1; NaN where a score has the same value for every image.

    Raises:
        BadInputError: The arrays do not fit each other, or a score is NaN.

    >>> rk.metrics.rank_correlation([0.1, 0.2, 0.3], [5.0, 7.0, 6.0])
    0.5
    """
    own, other = _scores(first), _scores(second)
    same_shape(own, other)
    return float(correlation(own, other, np.ones((1, len(own))))[0])


def scaled_confidence(logits: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Return log(p / (1 − p)) of the probability p of the label, the score of membership attacks (Carlini et al. 2022).

    Args:
        logits: (N, K).
        labels: (N,).

    Returns:
        float64 (N,).

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.scaled_confidence([[3.0, 1.0]], [0]).tolist()
    [2.0]
    """
    return scaled(predictions_of(logits, labels))


def true_positive_rate(members: ArrayLike, others: ArrayLike, false_positives: float = 0.001) -> float:
    """Return the share of members that a threshold finds which few other images pass (Carlini et al. 2022).

    Args:
        members: The score of each image that a network was trained on, (n,).
        others: The score of each other image, (m,).
        false_positives: The largest share of the others above the threshold, 0 to 1.

    Returns:
        0 to 1.

    Raises:
        BadInputError: A set is empty, or a score is NaN.

    >>> rk.metrics.true_positive_rate([0.9, 0.8, 0.1], [0.5, 0.2]).__round__(4)
    0.6667
    """
    inside, outside = _scores(members), _scores(others)
    counts = ranked(inside, outside).counts(np.ones((1, len(inside))), np.ones((1, len(outside))))
    return float(rate_of_counts(*counts, false_positives)[0])


def _scores(given: ArrayLike) -> np.ndarray:
    scores = np.asarray(given, dtype=np.float64)
    if scores.ndim != 1 or not len(scores) or np.isnan(scores).any():
        raise BadInputError(f"scores must be numbers (images,) without NaN, got shape {scores.shape}")
    return scores
