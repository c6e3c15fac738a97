"""What is read from a curve over the epochs of a training, which may end in NaN."""

from __future__ import annotations

import numpy as np

LATE = 0.75
"""The share of the epochs after which the last quarter of the training begins."""

MOST = 0.9
"""The share of the last value that counts as most of it."""


def last_value(epochs: np.ndarray, values: np.ndarray) -> float:
    """Return the value after the last epoch.

    Args:
        epochs: The number of epochs done, increasing, float (P,).
        values: The value after each, float (P,).
    """
    return float(values[_known(epochs)][-1])


def late_change(epochs: np.ndarray, values: np.ndarray) -> float:
    """Return how much the value changed over the last quarter of the epochs.

    The value at its beginning is interpolated linearly.

    Args:
        epochs: The number of epochs done, increasing, float (P,).
        values: The value after each, float (P,).

    Returns:
        The last value minus that after three quarters of the epochs; NaN if nothing was measured until then.
    """
    known = _known(epochs)
    done, seen = epochs[known], values[known]
    begins = LATE * done[-1]
    return float(seen[-1] - np.interp(begins, done, seen)) if done[0] <= begins else np.nan


def epochs_to_most(epochs: np.ndarray, values: np.ndarray) -> float:
    """Return the number of epochs after which the value was, for the first time, 90 % of the last one or more.

    Args:
        epochs: The number of epochs done, increasing, float (P,).
        values: The value after each, float (P,), none below 0.
    """
    known = _known(epochs)
    done, seen = epochs[known], values[known]
    return float(done[seen >= MOST * seen[-1]][0])


def _known(epochs: np.ndarray) -> np.ndarray:
    return np.asarray(~np.isnan(epochs))
