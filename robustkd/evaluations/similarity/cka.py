"""Linear CKA of two networks' features, without a matrix of pairs of images.

Kornblith, Norouzi, Lee, Hinton, *Similarity of Neural Network Representations Revisited* (ICML 2019), equation 3 and
section 2.1: for features X (N, C) and Y (N, D) whose columns have mean 0,

    CKA(X, Y) = ‖XᵀY‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F).

All follows from what each image contributes, c_i = x_iᵀ (XᵀY / N) y_i, whose mean over images is ‖XᵀY / N‖²_F.
Covariances are accumulated in float64 over blocks of images, after the means are known exactly. Beside the features
themselves, the memory is that of one (C, D) matrix and one block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK = 512
"""The number of images that are taken to float64 at a time."""

_CONSTANT = 1e-12
"""Features whose variance is a smaller share of their mean square are constant but for rounding."""


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Return the linear CKA of two sets of features.

    Args:
        first: The features of N images, float (N, C).
        second: Other features of the same images, float (N, D).

    Returns:
        A number from 0 to 1; NaN if the features of one side are the same for all images.

    >>> import numpy as np
    >>> features = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    >>> round(linear_cka(features, 5 * features[:, ::-1] + 1), 6)
    1.0
    """
    return cka_of(contributions(first, second), contributions(first, first), contributions(second, second))


def debiased_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Return linear CKA with the unbiased estimator of HSIC, which is 0 on average for independent features.

    Plain CKA of independent features grows with their number: it is 1 where there are as many as images. (Song et al.,
    *Feature Selection via Dependence Maximization* (JMLR 2012), equation 5, in the form that linear kernels of
    centred features have.)

    Args:
        first: The features of N images, float (N, C).
        second: Other features of the same images, float (N, D).

    Returns:
        A number up to 1; NaN for fewer than four images, or if it is not defined for one side.
    """
    return debiased_cka_of(
        contributions(first, second),
        contributions(first, first),
        contributions(second, second),
        squared_norms(first),
        squared_norms(second),
    )


def contributions(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return what each image contributes to ‖XᵀY / N‖²_F, the mean over images, float64 (N,).

    Args:
        first: X, float (N, C); it is centred here.
        second: Y, float (N, D); it is centred here.
    """
    if is_constant(first) or is_constant(second):
        return np.zeros(len(first))
    covariance = np.zeros((first.shape[1], second.shape[1]))
    for own, other in zip(centred(first), centred(second), strict=True):
        covariance += own.T @ other
    covariance /= len(first)
    blocks = zip(centred(first), centred(second), strict=True)
    return np.concatenate([((own @ covariance) * other).sum(axis=1) for own, other in blocks])


def is_constant(features: np.ndarray) -> bool:
    """Return whether all images have the same features, but for rounding."""
    square = sum(float(np.square(block).sum()) for block in _blocks(features))
    return bool(squared_norms(features).sum() <= _CONSTANT * square)


def squared_norms(features: np.ndarray) -> np.ndarray:
    """Return the squared length of each image's centred features, float64 (N,)."""
    return np.concatenate([np.square(block).sum(axis=1) for block in centred(features)])


def centred(features: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the features minus their means, block by block, float64 (B, C)."""
    mean = features.mean(axis=0, dtype=np.float64)
    for block in _blocks(features):
        yield block - mean


def cka_of(both: np.ndarray, first: np.ndarray, second: np.ndarray) -> float:
    """Return CKA from what the images contribute to the three terms (`contributions`); NaN if it is not defined."""
    below = float(first.mean() * second.mean())
    return float(both.mean() / np.sqrt(below)) if below > 0 else np.nan


def cka_by_image(both: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return a number for each image whose mean is CKA, and whose spread says how CKA varies over sets of images.

    It is CKA plus the image's influence on it (the infinitesimal jackknife: Jaeckel 1972; Efron 1982, section 6). With
    the three terms h = mean(c), the logarithm of CKA is log h_xy − ½ log h_xx − ½ log h_yy, and weighting image i
    changes a term h by 2 (c_i − h), so the number is CKA · (1 + 2 c_xy/h_xy − c_xx/h_xx − c_yy/h_yy). It is written
    here without a division by h_xy, which may be 0.

    Args:
        both: The contributions to the term of both, float64 (N,).
        first: Those to the term of the first features alone.
        second: Those to the term of the second alone.

    Returns:
        float64 (N,); NaN if CKA is not defined.
    """
    value = cka_of(both, first, second)
    if np.isnan(value):
        return np.full(len(both), np.nan)
    scale = np.sqrt(first.mean() * second.mean())
    return np.asarray(value + 2 * both / scale - value * (first / first.mean() + second / second.mean()))


def debiased_cka_of(
    both: np.ndarray, first: np.ndarray, second: np.ndarray, norms: np.ndarray, other_norms: np.ndarray
) -> float:
    """Return debiased CKA from the contributions and the squared norms of the images; see `debiased_cka`."""
    if len(both) < 4:
        return np.nan
    below = _unbiased_hsic(first, norms, norms) * _unbiased_hsic(second, other_norms, other_norms)
    return float(_unbiased_hsic(both, norms, other_norms) / np.sqrt(below)) if below > 0 else np.nan


def _unbiased_hsic(found: np.ndarray, norms: np.ndarray, other_norms: np.ndarray) -> float:
    """Song et al. 2012, equation 5, times N(N − 3).

    With centred features the rows of the kernel matrix without its diagonal sum to −‖x_i‖², so its three terms are
    ‖XᵀY‖² − S, Σ‖x_i‖² Σ‖y_i‖² / ((N − 1)(N − 2)) and −2 S / (N − 2), where S = Σ ‖x_i‖² ‖y_i‖².
    """
    count = len(found)
    diagonal = float(norms @ other_norms)
    product = float(norms.sum() * other_norms.sum()) / ((count - 1) * (count - 2))
    return float(found.sum()) * count - diagonal + product - 2 * diagonal / (count - 2)


def _blocks(features: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(features), BLOCK):
        yield features[start : start + BLOCK].astype(np.float64)
