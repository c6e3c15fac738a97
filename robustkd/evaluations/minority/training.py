"""The class sizes that each network was trained on, and whether they are those of the requested law."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from robustkd.evaluations.minority.metrics import SKEWED_METRICS
from robustkd.results.records import Check, trained_clean

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import ModelPool

ENOUGH = 0.95
"""The share of the images required by the law that every class must have."""

NAMED = 5
"""The most classes that a note names."""


def training_counts(pool: ModelPool, data: Dataset) -> np.ndarray:
    """Return the number of training images of each class for each member, int64 (M, K)."""
    clean = trained_clean(pool, data)
    of_training = {
        (seed, role): np.bincount(data.trained_on(seed, role).images.labels.cpu().numpy(), minlength=data.num_classes)
        for seed, role in {(member.seed, member.role) for member in pool}
    }
    of_all = np.bincount(data.training.labels.cpu().numpy(), minlength=data.num_classes)
    return np.stack(
        [of_all if own else of_training[member.seed, member.role] for member, own in zip(pool, clean, strict=True)]
    )


def without_test_image(labels: np.ndarray, names: Sequence[str]) -> tuple[str, ...]:
    """Note the classes that means over classes leave out.

    Args:
        labels: The test labels, int64 (N,).
        names: The names of the K classes.
    """
    absent = [name for name, count in zip(names, np.bincount(labels, minlength=len(names)), strict=True) if not count]
    if not absent:
        return ()
    more = f" and {len(absent) - NAMED} more" if len(absent) > NAMED else ""
    return (
        f"Means over classes leave out {len(absent)} of {len(names)} classes, which have no test image: "
        f"{', '.join(absent[:NAMED])}{more}",
    )


def class_sizes(data: Dataset) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    """Check that the classes have the sizes that the law of the condition requires, and note the law.

    Args:
        data: The data set, with its condition.

    Returns:
        The checks and the notes; none if the condition is not class imbalance.
    """
    from robustkd.data.conditions.class_imbalance import ClassImbalance

    condition = data.condition
    if not isinstance(condition, ClassImbalance):
        return (), ()
    asked, kept = condition.asked(data.training), condition.sizes(data.training)
    short = [name for name, some, all_ in zip(data.test.class_names, kept, asked, strict=True) if some < ENOUGH * all_]
    detail = f"{kept.sum()} of the {asked.sum()} images that the law requires"
    detail += f"; far fewer than the law requires for {', '.join(short)}" if short else ""
    check = Check("class sizes as the law requires", not short, detail, metrics=SKEWED_METRICS)
    return (check,), (f"Class sizes in training: {condition.description(data.training)}",)
