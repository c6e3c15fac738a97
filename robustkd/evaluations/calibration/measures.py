"""Calibration error and Brier score."""

import numpy as np


def calibration_error(
    confidence: np.ndarray, correct: np.ndarray, assigned: np.ndarray, bins: int, weights: np.ndarray
) -> np.ndarray:
    """Return the expected calibration error Σ_b n_b/n·|acc_b − conf_b| (Guo et al. 2017, equation 3).

    Args:
        confidence: The largest probability of each image, float (N,).
        correct: Whether each image is classified correctly, bool (N,).
        assigned: The bin of each image, int64 (N,).
        bins: The number of bins.
        weights: How often each image counts in each of B resamples, float32 (B, N).

    Returns:
        The error in each resample, float64 (B,), 0 to 1.
    """
    gaps = np.zeros((len(confidence), bins), dtype=np.float32)
    gaps[np.arange(len(confidence)), assigned] = correct - confidence
    return np.asarray(np.abs(weights @ gaps).sum(axis=1, dtype=np.float64) / weights.sum(axis=1))


def brier_score(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the Brier score Σ_k (p_k − y_k)² of each image (Brier 1950).

    Args:
        probabilities: The predicted probabilities, float (N, K).
        labels: The true classes, int64 (N,).

    Returns:
        The score of each image, float64 (N,), 0 to 2.
    """
    truth = np.arange(probabilities.shape[1]) == labels[:, None]
    return np.asarray(((probabilities - truth) ** 2).sum(axis=1))
