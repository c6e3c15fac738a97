"""The temperature that makes the labels most likely."""

import numpy as np
from scipy.special import log_softmax

COLDEST, HOTTEST = 0.01, 100.0
"""The limits of the fitted temperature."""


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature under which the labels are most likely (Guo et al. 2017, section 4.2).

    Args:
        logits: The logits, float (N, K).
        labels: The true classes, int64 (N,).

    Returns:
        The temperature, 0.01 to 100. It is one of these limits if the likelihood still rises there, as it does for a
        network that is always right.
    """
    from scipy.optimize import minimize_scalar

    scaled = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    images = np.arange(len(labels))

    def nll(log_temperature: float) -> float:
        return float(-log_softmax(scaled / np.exp(log_temperature), axis=1)[images, labels].mean())

    ends = float(np.log(COLDEST)), float(np.log(HOTTEST))
    inside = minimize_scalar(nll, bounds=ends, method="bounded", options={"xatol": 1e-7})
    best = min((*ends, float(inside.x)), key=nll)
    return float(np.exp(best))


def derivatives(logits: np.ndarray, labels: np.ndarray, temperature: float) -> np.ndarray:
    """Return the first three derivatives of each image's −log p(y) with respect to β = 1/T.

    For logits z, these are E_p[z] − z_y, the variance of z under p, and its third central moment.

    Args:
        logits: The logits, float (N, K).
        labels: The true classes, int64 (N,).
        temperature: The temperature T.

    Returns:
        The derivatives, float64 (N, 3).
    """
    z = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    p = np.exp(log_softmax(z / temperature, axis=1))
    mean = (p * z).sum(axis=1)
    centred = z - mean[:, None]
    slope = mean - z[np.arange(len(labels)), labels]
    return np.stack([slope, (p * centred**2).sum(axis=1), (p * centred**3).sum(axis=1)], axis=1)
