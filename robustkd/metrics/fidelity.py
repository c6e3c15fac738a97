"""How alike two networks predict."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.errors import BadInputError
from robustkd.evaluations.fidelity.consistency import error_consistency as kappa
from robustkd.evaluations.fidelity.consistency import probabilistic_consistency as kappa_p
from robustkd.evaluations.fidelity.divergences import jensen_shannon as jensen_shannon_by_image
from robustkd.evaluations.fidelity.divergences import kl_divergence as kl_divergence_by_image
from robustkd.evaluations.fidelity.divergences import total_variation as total_variation_by_image
from robustkd.evaluations.fidelity.ranks import non_target_correlation as correlation_by_image
from robustkd.metrics.arrays import classes_of, logits_of, predictions_of, same_shape
from robustkd.results.predictions import Predictions


def agreement(logits: ArrayLike, other_logits: ArrayLike) -> float:
    """Return the share of images on which two networks predict the same class (Stanton et al. 2021, section 3).

    Args:
        logits: (N, K), or predicted classes (N,).
        other_logits: The same for the other network, on the same images.

    Returns:
        0 to 1.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.agreement([0, 1, 2, 2], [0, 1, 1, 2])
    0.75
    """
    return float((classes_of(logits) == classes_of(other_logits, logits)).mean())


def kl_divergence(teacher_logits: ArrayLike, student_logits: ArrayLike) -> float:
    """Return the mean of KL(teacher ‖ student) at temperature 1, in nats (Stanton et al. 2021, section 3).

    Args:
        teacher_logits: (N, K).
        student_logits: (N, K), for the same images.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.kl_divergence([[1.0, 0.0]], [[1.0, 0.0]])
    0.0
    """
    return float(kl_divergence_by_image(*_both(teacher_logits, student_logits)).mean())


def jensen_shannon(logits: ArrayLike, other_logits: ArrayLike) -> float:
    """Return the mean of ½·KL(p ‖ m) + ½·KL(q ‖ m) with m = (p + q)/2, in nats (Lin 1991, equation 4.1).

    Args:
        logits: (N, K).
        other_logits: (N, K), for the same images.

    Returns:
        0 to ln 2.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> round(rk.metrics.jensen_shannon([[99.0, 0.0]], [[0.0, 99.0]]), 4)
    0.6931
    """
    return float(jensen_shannon_by_image(*_both(logits, other_logits)).mean())


def total_variation(logits: ArrayLike, other_logits: ArrayLike) -> float:
    """Return the mean of ½·Σ_k |p_k − q_k|.

    Args:
        logits: (N, K).
        other_logits: (N, K), for the same images.

    Returns:
        0 to 1.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.total_variation([[0.0, 0.0]], [[0.0, 99.0]])
    0.5
    """
    return float(total_variation_by_image(*_both(logits, other_logits)).mean())


def non_target_correlation(logits: ArrayLike, other_logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of Spearman's rank correlation of the probabilities of all classes but the label.

    Args:
        logits: (N, K), K ≥ 3.
        other_logits: (N, K), for the same images.
        labels: (N,).

    Returns:
        −1 to 1; an image for which a network gives all these classes the same probability counts as 0.

    Raises:
        BadInputError: The arrays do not fit each other, or there are fewer than three classes.

    >>> rk.metrics.non_target_correlation([[9.0, 3.0, 2.0, 1.0]], [[0.0, 3.0, 1.0, 2.0]], [0])
    0.5
    """
    own, other = _both(logits, other_logits, labels)
    if own.logits.shape[1] < 3:
        raise BadInputError(f"a rank correlation without the label needs 3 classes, got {own.logits.shape[1]}")
    return float(correlation_by_image(own, other).mean())


def error_consistency(correct: ArrayLike, other_correct: ArrayLike) -> float:
    """Return κ, how often two networks are right or wrong together beyond chance (Geirhos et al. 2020, equations 1, 3).

    κ = (c_obs − c_exp) / (1 − c_exp) with c_exp = p₁p₂ + (1 − p₁)(1 − p₂).

    Args:
        correct: bool (N,), which images the first network classifies correctly.
        other_correct: bool (N,), the same for the second network, on the same images.

    Returns:
        −1 to 1; NaN where both are always right or both always wrong.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.error_consistency([True, True, False, False], [True, True, False, False])
    1.0
    """
    first, second = np.asarray(correct, dtype=np.bool_), np.asarray(other_correct, dtype=np.bool_)
    same_shape(first, second)
    return kappa(first, second)


def probabilistic_consistency(logits: ArrayLike, other_logits: ArrayLike, labels: ArrayLike) -> float:
    """Return κ_p, how alike two networks predict beyond their mean probabilities of the label (Goel et al. 2025).

    (c_obs − c_exp) / (1 − c_exp) with c_obs the mean of Σ_k p_k·q_k (arXiv 2502.04313, "CAPA").

    Args:
        logits: (N, K).
        other_logits: (N, K), for the same images.
        labels: (N,).

    Returns:
        At most 1; NaN for networks that are always sure of the label.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> round(rk.metrics.probabilistic_consistency([[99.0, 0.0], [0.0, 99.0]], [[99.0, 0.0], [0.0, 99.0]], [0, 0]), 4)
    1.0
    """
    pair = _both(logits, other_logits, labels)
    probabilities = [np.exp(each.log_probabilities) for each in pair]
    own, other = (np.exp(-each.nll) for each in pair)
    return kappa_p((probabilities[0] * probabilities[1]).sum(axis=1), own, other, probabilities[0].shape[1])


def _both(
    logits: ArrayLike, other_logits: ArrayLike, labels: ArrayLike | None = None
) -> tuple[Predictions, Predictions]:
    truth = np.zeros(len(logits_of(logits)), dtype=np.int64) if labels is None else labels
    own, other = (predictions_of(given, truth) for given in (logits, other_logits))
    same_shape(own.logits, other.logits)
    return own, other
