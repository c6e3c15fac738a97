"""The temperature that makes the labels most likely."""

import numpy as np
from scipy.special import log_softmax

COLDEST, HOTTEST = 0.01, 100.0
"""The limits of the fitted temperature, in units of the spread of the logits, whatever their size."""


def fitted_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature under which the labels are most likely (Guo et al. 2017, section 4.2).

    Args:
        logits: The logits, float (N, K).
        labels: The true classes, int64 (N,).

    Returns:
        The temperature; NaN if the likelihood has no maximum within the limits, as for a network that is always right
        or no better than guessing.
    """
    from scipy.optimize import minimize_scalar

    scaled = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    spread = spread_of(scaled)
    if spread == 0:
        return float("nan")
    scaled /= spread
    images = np.arange(len(labels))

    def nll(log_temperature: float) -> float:
        return float(-log_softmax(scaled / np.exp(log_temperature), axis=1)[images, labels].mean())

    ends = float(np.log(COLDEST)), float(np.log(HOTTEST))
    inside = minimize_scalar(nll, bounds=ends, method="bounded", options={"xatol": 1e-7})
    temperature = float(np.exp(inside.x))
    best = nll(float(inside.x)) < min(map(nll, ends))
    return temperature * spread if best and COLDEST * 1.001 < temperature < HOTTEST * 0.999 else float("nan")


def spread_of(logits: np.ndarray) -> float:
    """Return the root mean square of the logits of an image about their mean, over all images."""
    return float(np.sqrt(np.mean(np.var(logits.astype(np.float64), axis=1))))


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
