"""Mutual nearest neighbours: whether two networks find the same images alike.

Huh, Cheung, Wang, Isola, *The Platonic Representation Hypothesis* (ICML 2024), section 3 and appendix A: the share of
an image's k nearest neighbours in one space of features that are among its k nearest in the other, by cosine.
"""

from __future__ import annotations

import numpy as np

BLOCK = 256
"""The number of images whose similarities to all others are held at a time."""


def mutual_neighbours(first: np.ndarray, second: np.ndarray, neighbours: int = 10) -> np.ndarray:
    """Return the share of each image's nearest neighbours that two sets of features have in common.

    Args:
        first: The features of N images, float (N, C).
        second: Other features of the same images, float (N, D).
        neighbours: The number k of neighbours, less than N.

    Returns:
        float64 (N,), from 0 to 1; k / (N − 1) on average for unrelated features.

    >>> import numpy as np
    >>> angles = np.array([0.0, 0.1, 1.0, 1.2])
    >>> features = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    >>> mutual_neighbours(features, features[::-1], neighbours=1)
    array([1., 1., 1., 1.])
    """
    return shared_neighbours(nearest(first, neighbours), nearest(second, neighbours))


def nearest(features: np.ndarray, neighbours: int) -> np.ndarray:
    """Return the k other images whose features are nearest by cosine, int64 (N, k), in no order.

    Args:
        features: float (N, C); an image whose features are all 0 is equally near to all.
        neighbours: The number k, less than N.
    """
    lengths = np.linalg.norm(features.astype(np.float64), axis=1, keepdims=True)
    unit = (features / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    found = []
    for start in range(0, len(unit), BLOCK):
        similarity = unit[start : start + BLOCK] @ unit.T
        rows = np.arange(len(similarity))
        similarity[rows, start + rows] = -np.inf
        found.append(np.argpartition(-similarity, neighbours - 1, axis=1)[:, :neighbours])
    return np.concatenate(found)


def shared_neighbours(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return which share of the neighbours in one (N, k) table is also in the other, float64 (N,)."""
    return np.asarray((first[:, :, None] == second[:, None, :]).any(axis=2).mean(axis=1))
