"""What the measures accept as arrays: checked, with an error that names what is wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.errors import BadInputError
from robustkd.results.predictions import Predictions


def logits_of(given: ArrayLike) -> np.ndarray:
    """Return logits (N, K)."""
    logits = np.asarray(given)
    if logits.ndim != 2 or not len(logits):
        raise BadInputError(f"logits must have the shape (images, classes), got {logits.shape}")
    return logits


def classes_of(given: ArrayLike, beside: ArrayLike | None = None) -> np.ndarray:
    """Return predicted classes (N,), those of the largest logits if logits are given; as many as `beside` has."""
    array = np.asarray(given)
    if array.ndim not in (1, 2) or not len(array):
        raise BadInputError(f"predictions must be logits (images, classes) or classes (images,), got {array.shape}")
    if beside is not None and len(np.asarray(beside)) != len(array):
        raise BadInputError(f"predictions are of {len(np.asarray(beside))} and of {len(array)} images")
    return array if array.ndim == 1 else array.argmax(axis=1)


def labels_of(given: ArrayLike, predictions: ArrayLike) -> np.ndarray:
    """Return labels (N,), one for each prediction and within its classes."""
    labels, predicted = np.asarray(given), np.asarray(predictions)
    if labels.ndim != 1 or len(labels) != len(predicted) or not np.issubdtype(labels.dtype, np.integer):
        raise BadInputError(f"labels must be {len(predicted)} integers, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or (predicted.ndim == 2 and labels.max() >= predicted.shape[1]):
        raise BadInputError(f"labels must be classes from 0 on, got {labels.min()} to {labels.max()}")
    return labels


def predictions_of(logits: ArrayLike, labels: ArrayLike) -> Predictions:
    """Return logits (N, K) with labels (N,)."""
    given = logits_of(logits)
    return Predictions(given, labels_of(labels, given))


def same_shape(first: np.ndarray, second: np.ndarray) -> None:
    """Raise an error if two arrays have different shapes, or hold nothing."""
    if first.shape != second.shape or not first.size:
        raise BadInputError(f"both arrays must have the same shape, got {first.shape} and {second.shape}")
