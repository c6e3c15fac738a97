"""How good a network is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.metrics.arrays import classes_of, labels_of, predictions_of


def accuracy(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the share of images classified correctly, 0 to 1.

    Args:
        logits: (N, K), or predicted classes (N,).
        labels: (N,).

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.accuracy([[2.0, 1.0], [0.0, 1.0]], [0, 0])
    0.5
    """
    return float((classes_of(logits) == labels_of(labels, logits)).mean())


def negative_log_likelihood(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of −log p(label), in nats.

    Args:
        logits: (N, K).
        labels: (N,).

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> round(rk.metrics.negative_log_likelihood([[0.0, 0.0]], [1]), 4)
    0.6931
    """
    return float(predictions_of(logits, labels).nll.mean())


def recalls(predicted: ArrayLike, labels: ArrayLike, classes: int | None = None) -> np.ndarray:
    """Return the recall of each class: the share of its images that are classified correctly.

    Args:
        predicted: Predicted classes (N,), or logits (N, K).
        labels: (N,).
        classes: The number of classes; one more than the largest label or prediction if not given.

    Returns:
        float64 (K,), 0 to 1; NaN for a class without images.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.recalls([0, 0, 1, 1], [0, 1, 1, 1]).round(3).tolist()
    [1.0, 0.667]
    """
    given, truth = classes_of(predicted), labels_of(labels, predicted)
    count = classes if classes is not None else int(max(given.max(), truth.max())) + 1
    images = np.bincount(truth, minlength=count)
    right = np.bincount(truth[given == truth], minlength=count)
    return np.asarray(np.divide(right, images, out=np.full(len(images), np.nan), where=images > 0))
