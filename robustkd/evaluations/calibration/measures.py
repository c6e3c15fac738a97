"""The Brier score."""

import numpy as np


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
