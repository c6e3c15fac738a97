"""The variant ``gnosis``: what the published code of Stanton et al. 2021 computes under the name CKA.

It averages a feature map over channels and **height** instead of over its positions, and compares the columns of the
image: its kernel matrix is (W, W), where W is the width of the map, and an image is one of the features of a column.
The kernel is Gaussian, its σ² the median of the squared distances that are not 0; values of batches of 128 images are
averaged. So it is not the CKA of features: maps of independent noise score high. Only the paper's values of the stages
(0.939, 0.925, 0.885 for its ResNet-20) compare with it.
"""

from __future__ import annotations

import numpy as np

BATCH_SIZE = 128


def gnosis_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean over batches of 128 images of the kernel CKA of image columns.

    Args:
        first: The feature maps of N images averaged over channels and height, float (N, W).
        second: Those of another network, float (N, W).

    Returns:
        A number from 0 to 1; NaN if the widths differ, a map has a single column, or all columns are equal.
    """
    if first.shape != second.shape or first.shape[1] < 2:
        return np.nan
    starts = range(0, len(first), BATCH_SIZE)
    return float(np.mean([_kernel_cka(first[at : at + BATCH_SIZE].T, second[at : at + BATCH_SIZE].T) for at in starts]))


def _kernel_cka(first: np.ndarray, second: np.ndarray) -> float:
    kernels = [_centred(_gaussian(columns.astype(np.float64))) for columns in (first, second)]
    below = (kernels[0] * kernels[0]).sum() * (kernels[1] * kernels[1]).sum()
    return float((kernels[0] * kernels[1]).sum() / np.sqrt(below)) if below > 0 else np.nan


def _gaussian(columns: np.ndarray) -> np.ndarray:
    """exp(−d² / (2 σ²)) of the rows; all 1 where no two rows differ."""
    squares = np.square(columns[:, None] - columns[None, :]).sum(axis=2)
    different = squares[squares > 0]
    return np.exp(-squares / (2 * np.median(different))) if len(different) else np.ones_like(squares)


def _centred(kernel: np.ndarray) -> np.ndarray:
    return np.asarray(kernel - kernel.mean(axis=0) - kernel.mean(axis=1, keepdims=True) + kernel.mean())
