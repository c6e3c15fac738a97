"""The line that best predicts a network's logit from the teacher's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import logsumexp

from robustkd.statistics.intervals import ROUNDING
from robustkd.statistics.resampling import Observed, ratio


def centred_logits(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the logit of one class of each image, minus the mean logit of all classes.

    Adding the same number to all logits changes no probability; a centred logit does not depend on it.

    Args:
        logits: float (N, K).
        classes: The class of each image, int (N,).

    Returns:
        float64 (N,).
    """
    exact = logits.astype(np.float64)
    return np.asarray(exact[np.arange(len(exact)), classes] - exact.mean(axis=1))


def log_odds(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return log p/(1 − p) of the probability p of one class of each image.

    It is computed from the logits, so it is finite where p rounds to 1.

    Args:
        logits: float (N, K), at least two classes.
        classes: The class of each image, int (N,).

    Returns:
        float64 (N,).
    """
    exact, rows = logits.astype(np.float64), np.arange(len(logits))
    others = exact.copy()
    others[rows, classes] = -np.inf
    return np.asarray(exact[rows, classes] - logsumexp(others, axis=1))


def regression(teacher: np.ndarray, member: np.ndarray) -> Observed:
    """Fit member ≈ offset + slope·teacher by least squares.

    Args:
        teacher: The teacher's logit for each image, float (N,).
        member: The other network's for the same images, float (N,).

    Returns:
        ``slope`` and ``offset`` as functions of how often each image counts; NaN where the teacher's does not vary.
    """
    middle, height = float(teacher.mean(dtype=np.float64)), float(member.mean(dtype=np.float64))
    x, y = teacher.astype(np.float64) - middle, member.astype(np.float64) - height
    moments = np.stack([x, y, x * x, x * y], axis=1)
    smallest = ROUNDING * (middle**2 + float(np.square(x).mean()))

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        mean_x, mean_y, square, product = ratio(weights @ moments, weights.sum(axis=1, keepdims=True)).T
        variance = square - mean_x**2
        slope = ratio(product - mean_x * mean_y, np.where(variance > smallest, variance, 0))
        return {"slope": slope, "offset": height + mean_y - slope * (middle + mean_x)}

    return Observed(statistics)


def confidence_where_wrong(confidence: np.ndarray, correct: np.ndarray) -> Observed:
    """Return the mean confidence of the wrong predictions, ``confidence_wrong``; NaN where there are none.

    Args:
        confidence: The largest probability of each image, float (N,).
        correct: Whether each image is classified correctly, bool (N,).
    """
    wrong = ~correct
    sums = np.stack([np.where(wrong, confidence, 0), wrong], axis=1).astype(np.float32)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        sure, images = (weights @ sums).T
        return {"confidence_wrong": ratio(sure, images)}

    return Observed(statistics, {"confidence_wrong": np.where(wrong, confidence, np.nan)})
