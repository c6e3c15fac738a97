"""Calibration error, and the bins of the confidence that it is made of."""

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


def bin_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of each confidence, int64 (N,): bin b of B is (b/B, (b+1)/B]; the first also contains 0."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
