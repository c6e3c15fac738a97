"""How much two maps of predicted classes agree: the IoU of the papers, and the IoU of each class."""

from __future__ import annotations

import numpy as np


def boundary_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the share of points for which two networks predict the same class.

    This is what Somepalli et al. 2022 call the reproducibility score (section 4, and its published code the IoU): the
    expectation over planes of |{x : f(x) = g(x)}| / |{x}|.

    Args:
        first: The classes that one network predicts on each plane, int (P, N) for N points.
        second: Those of the other.

    Returns:
        float64 (P,).

    >>> import numpy as np
    >>> boundary_iou(np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]])).tolist()
    [0.75]
    """
    return np.asarray((first == second).mean(axis=1, dtype=np.float64))


def class_iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the intersection over union of the regions of a class, averaged over classes; the variant ``class_mean``.

    Args:
        first: The classes that one network predicts on each plane, int (P, N) for N points.
        second: Those of the other.

    Returns:
        The mean over the classes that at least one of both predicts on the plane, float64 (P,).

    >>> import numpy as np
    >>> class_iou(np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 1]])).round(4).tolist()
    [0.5833]
    """
    return np.array([_mean_over_classes(*pair) for pair in zip(first, second, strict=True)])


def _mean_over_classes(first: np.ndarray, second: np.ndarray) -> float:
    classes = np.union1d(first, second)
    own, other = first == classes[:, None], second == classes[:, None]
    return float(((own & other).sum(axis=1) / (own | other).sum(axis=1)).mean())
