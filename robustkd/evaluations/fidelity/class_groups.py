"""Frequent, middle and rare classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from robustkd.data import Dataset

GROUPS = ("majority", "middle", "minority")

SKEWED = 2
"""The smallest ratio of the largest to the smallest class at which classes are divided into groups."""


def class_groups(data: Dataset) -> tuple[list[np.ndarray], str]:
    """Divide the classes into `GROUPS` by their number of training images, or of test images where these are unknown.

    Args:
        data: The data set, with its condition.

    Returns:
        Three arrays of classes, and a note; no arrays where no class has `SKEWED` times the images of another.
    """
    known = data.train is not None
    labels = data.trained_on().images.labels if known else data.test.labels
    counts = np.bincount(labels.cpu().numpy(), minlength=data.num_classes)
    kind = "training" if known else "test"
    groups = thirds(counts)
    if not groups:
        return [], f"KL within groups of classes is left out: no class has twice the {kind} images of another"
    names = [f"{name} {_named(group, data.test.class_names)}" for name, group in zip(GROUPS, groups, strict=True)]
    return groups, f"Groups of classes by their number of {kind} images: {'; '.join(names)}"


def thirds(counts: np.ndarray) -> list[np.ndarray]:
    """Return the third of the classes with most images, the rest, and the third with fewest.

    Args:
        counts: The number of images of each class, int64 (K,).

    Returns:
        Three arrays; empty for fewer than three classes, or where the largest has less than `SKEWED` times the images
        of the smallest.
    """
    third = len(counts) // 3
    if third == 0 or counts.max() < SKEWED * max(int(counts.min()), 1):
        return []
    order = np.argsort(-counts, kind="stable")
    return [order[:third], order[third:-third], order[-third:]]


NAMED = 4
"""The most classes of a group that a note names."""


def _named(group: np.ndarray, names: Sequence[str]) -> str:
    more = f" and {len(group) - NAMED} more" if len(group) > NAMED else ""
    return f"({', '.join(names[label] for label in group[:NAMED])}{more})"
