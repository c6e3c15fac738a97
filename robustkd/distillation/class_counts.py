"""How many training images each class has, which methods against class imbalance weigh by."""

import torch
from torch import Tensor

from robustkd.data.batches import UNLABELLED


def class_counts(labels: Tensor, classes: int | None) -> Tensor:
    """Count the training images of each class.

    Args:
        labels: int64 (N,), the labels that are trained on; images without a label are not counted.
        classes: The number of classes, K; that of the largest label if not known.

    Returns:
        int64 (K,).
    """
    return torch.bincount(labels[labels != UNLABELLED], minlength=classes or 0)
