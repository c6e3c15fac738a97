"""Calibration error and Brier score."""

import numpy as np


def calibration_error(
    confidence: np.ndarray, correct: np.ndarray, assigned: np.ndarray, bins: int, weights: np.ndarray
) -> np.ndarray:
    """Σ_b n_b/n·|acc_b − conf_b| (Guo et al. 2017, equation 3).

    Args:
        confidence: (N,), the largest probability.
        correct: bool (N,).
        assigned: int64 (N,), the bin of each.
        bins: Their number.
        weights: float32 (B, N), how often each image counts.

    Returns:
        float64 (B,), 0 to 1.
    """
    gaps = np.zeros((len(confidence), bins), dtype=np.float32)
    gaps[np.arange(len(confidence)), assigned] = correct - confidence
    return np.asarray(np.abs(weights @ gaps).sum(axis=1, dtype=np.float64) / weights.sum(axis=1))


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Σ_k (p_k − y_k)² of each image (Brier 1950), float64 (N,), 0 to 2.

    Args:
        probabilities: (N, K).
        labels: int64 (N,).
    """
    truth = np.arange(probabilities.shape[1]) == labels[:, None]
    return np.asarray(((probabilities - truth) ** 2).sum(axis=1))
