"""How alike the features of two networks are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.errors import BadInputError
from robustkd.evaluations.similarity import cka, gnosis
from robustkd.evaluations.similarity.neighbours import mutual_neighbours as shared_by_image


def linear_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Return the linear CKA of two sets of features (Kornblith et al. 2019, equation 3).

    Args:
        first: The features of N images, (N, C).
        second: Other features of the same images, (N, D).

    Returns:
        0 to 1; NaN if the features of one side are the same for all images.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.linear_cka([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]], [[5.0, 1.0], [1.0, 5.0], [9.0, 9.0]]).__round__(4)
    1.0
    """
    return cka.linear_cka(*_both(first, second))


def debiased_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Return linear CKA with the unbiased estimator of HSIC, 0 on average for independent features (Song et al. 2012).

    Args:
        first: The features of N images, (N, C).
        second: Other features of the same images, (N, D).

    Returns:
        At most 1; NaN for fewer than four images.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> features = [[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.0], [0.0, 0.0]]
    >>> rk.metrics.debiased_cka(features, features).__round__(4)
    1.0
    """
    return cka.debiased_cka(*_both(first, second))


def gnosis_cka(first: ArrayLike, second: ArrayLike) -> float:
    """Return what the published code of Stanton et al. 2021 computes as CKA: a Gaussian kernel of columns of images.

    Only its published values compare with it; use `linear_cka` for features.

    Args:
        first: The feature maps of N images averaged over channels and height, (N, W).
        second: The same of the other network.

    Returns:
        0 to 1; NaN if the widths differ or are 1.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> maps = [[0.0, 1.0, 3.0], [1.0, 0.0, 2.0]]
    >>> rk.metrics.gnosis_cka(maps, maps).__round__(4)
    1.0
    """
    return gnosis.gnosis_cka(*_both(first, second))


def mutual_neighbours(first: ArrayLike, second: ArrayLike, neighbours: int = 10) -> float:
    """Return the mean share of an image's nearest neighbours that two sets of features share (Huh et al. 2024).

    Args:
        first: The features of N images, (N, C).
        second: Other features of the same images, (N, D).
        neighbours: The number of neighbours k, by cosine, less than N.

    Returns:
        0 to 1; k / (N − 1) on average for unrelated features.

    Raises:
        BadInputError: The arrays do not fit each other, or there are too few images.

    >>> rk.metrics.mutual_neighbours([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], [[2.0, 0.0], [2.0, 0.2], [0.0, 2.0]], 1)
    1.0
    """
    own, other = _both(first, second)
    if not 1 <= neighbours < len(own):
        raise BadInputError(f"neighbours must be from 1 to {len(own) - 1}, got {neighbours}")
    return float(shared_by_image(own, other, neighbours).mean())


def _both(first: ArrayLike, second: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    own, other = (np.asarray(each, dtype=np.float64) for each in (first, second))
    if own.ndim != 2 or other.ndim != 2 or len(own) != len(other) or len(own) < 2:
        raise BadInputError(f"features must be (images, features) of the same images, got {own.shape}, {other.shape}")
    return own, other
