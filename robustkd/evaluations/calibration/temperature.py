"""The temperature that makes the labels most likely."""

import numpy as np
from scipy.special import log_softmax

COLDEST, HOTTEST = 0.01, 100.0
"""The range in which a temperature is looked for."""


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature under which the labels are most likely (Guo et al. 2017, section 4.2).

    Args:
        logits: (N, K).
        labels: int64 (N,).

    Returns:
        From 0.01 to 100; at an end where the likelihood rises beyond it, as it does for a network that is always right.
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
    """The first three derivatives by β = 1/T of each image's −log p(y), float64 (N, 3).

    With z the logits: E_p[z] − z_y, the variance of z under p, and its third central moment.
    """
    z = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    p = np.exp(log_softmax(z / temperature, axis=1))
    mean = (p * z).sum(axis=1)
    centred = z - mean[:, None]
    slope = mean - z[np.arange(len(labels)), labels]
    return np.stack([slope, (p * centred**2).sum(axis=1), (p * centred**3).sum(axis=1)], axis=1)
