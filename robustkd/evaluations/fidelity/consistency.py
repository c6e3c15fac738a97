"""Error consistency: how often two networks err alike, beyond what their accuracies imply."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robustkd.statistics.intervals import ROUNDING, Interval, unvaried
from robustkd.statistics.resampling import Observed, ratio


def error_consistency(correct_1: np.ndarray, correct_2: np.ndarray) -> float:
    """Return the error consistency of two networks (Geirhos et al. 2020, equations 1 and 3).

    It is Cohen's κ = (c_obs − c_exp)/(1 − c_exp), where c_obs is the share of images on which both are right or both
    are wrong, and c_exp = p₁p₂ + (1 − p₁)(1 − p₂) is the share expected from the accuracies p₁ and p₂.

    Args:
        correct_1: Whether the first network is right, bool (N,).
        correct_2: Whether the second network is right on the same images, bool (N,).

    Returns:
        κ, −1 to 1; NaN if both are always right or both always wrong, because κ is not defined then.
    """
    return float(kappa(correct_1, correct_2).statistics(np.ones((1, len(correct_1))))["error_consistency"][0])


def kappa(correct_1: np.ndarray, correct_2: np.ndarray) -> Observed:
    """Return κ, ``error_consistency``, as a function of how often each image counts; see `error_consistency`."""
    answers = np.stack([correct_1, correct_2, correct_1 == correct_2], axis=1).astype(np.float32)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        p_1, p_2, observed = (weights @ answers).astype(np.float64).T / weights.sum(axis=1)
        expected = p_1 * p_2 + (1 - p_1) * (1 - p_2)
        return {"error_consistency": ratio(observed - expected, np.where(expected < 1 - ROUNDING, 1 - expected, 0))}

    seen = {"error_consistency": correct_2.astype(np.float64)}
    return Observed(statistics, seen, {"error_consistency": _kappa_unvaried(correct_1, correct_2)})


def probabilistic_consistency(overlap: np.ndarray, label_1: np.ndarray, label_2: np.ndarray, classes: int) -> float:
    """Return the probabilistic error consistency κ_p of two networks (CAPA; Goel et al. 2025, arXiv 2502.04313).

    It is (c_obs − c_exp)/(1 − c_exp), where c_obs is the mean of Σ_k p_k·q_k, the probability that both say the same
    if they draw from their probabilities, and c_exp = p̄·q̄ + (1 − p̄)(1 − q̄)/(K − 1) is what it would be for the same
    mean probabilities p̄ and q̄ of the label if nothing else were shared.

    Args:
        overlap: Σ_k p_k·q_k of each image, float (N,).
        label_1: The first network's probability of the label, float (N,).
        label_2: The second network's, float (N,).
        classes: The number of classes K.

    Returns:
        At most 1; NaN for a single class, and for networks that are always sure of the label.
    """
    found = kappa_p(overlap, label_1, label_2, classes).statistics(np.ones((1, len(overlap))))
    return float(found["kappa_p"][0])


def kappa_p(overlap: np.ndarray, label_1: np.ndarray, label_2: np.ndarray, classes: int) -> Observed:
    """Return ``kappa_p`` as a function of how often each image counts; see `probabilistic_consistency`."""
    seen = np.stack([overlap, label_1, label_2], axis=1).astype(np.float64)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        observed, p, q = (weights @ seen).T / weights.sum(axis=1, dtype=np.float64)
        expected = p * q + (1 - p) * (1 - q) / max(classes - 1, 1)
        defined = (expected < 1 - ROUNDING) & (classes > 1)
        return {"kappa_p": ratio(observed - expected, np.where(defined, 1 - expected, 0))}

    return Observed(statistics)


def _kappa_unvaried(correct_1: np.ndarray, correct_2: np.ndarray) -> Interval:
    """The interval of κ at the observed accuracies that follows from the interval of c_obs."""
    p_1, p_2 = correct_1.mean(dtype=np.float64), correct_2.mean(dtype=np.float64)
    expected = p_1 * p_2 + (1 - p_1) * (1 - p_2)
    known = unvaried(float((correct_1 == correct_2).mean()), len(correct_1))
    low, high = ratio(np.array(known) - expected, np.array(1 - expected if expected < 1 - ROUNDING else 0))
    return Interval(float(low), float(high))
