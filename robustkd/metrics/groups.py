"""How differently a network treats groups of images."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.errors import BadInputError
from robustkd.evaluations.groups import disparities
from robustkd.metrics.arrays import classes_of, labels_of


def demographic_parity_difference(predicted: ArrayLike, groups: ArrayLike) -> float:
    """Return the largest difference between groups in how often a class is predicted.

    max_k (max_g P(ŷ=k | g) − min_g P(ŷ=k | g)).

    Args:
        predicted: Predicted classes (N,), or logits (N, K).
        groups: The name or number of the group of each image, (N,).

    Returns:
        0 to 1; NaN for a single group.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.demographic_parity_difference([1, 1, 0, 0], ["a", "a", "b", "b"])
    1.0
    """
    given = classes_of(predicted)
    return disparities.demographic_parity_difference(given, _codes(groups, given))


def equalised_odds_difference(predicted: ArrayLike, labels: ArrayLike, groups: ArrayLike) -> float:
    """Return the largest difference between groups in how often images of one class are taken for a class.

    max_k,k′ (max_g P(ŷ=k | y=k′, g) − min_g P(ŷ=k | y=k′, g)).

    Args:
        predicted: Predicted classes (N,), or logits (N, K).
        labels: (N,).
        groups: The name or number of the group of each image, (N,).

    Returns:
        0 to 1; NaN if no class has images in two groups.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.equalised_odds_difference([1, 1, 0, 1], [1, 1, 1, 1], ["a", "a", "b", "b"])
    0.5
    """
    given, truth = classes_of(predicted), labels_of(labels, predicted)
    return disparities.equalised_odds_difference(given, truth, _codes(groups, given))


def _codes(groups: ArrayLike, predicted: np.ndarray) -> np.ndarray:
    names = np.asarray(groups)
    if names.shape != predicted.shape:
        raise BadInputError(f"groups must have the shape {predicted.shape}, got {names.shape}")
    return np.unique(names, return_inverse=True)[1]
