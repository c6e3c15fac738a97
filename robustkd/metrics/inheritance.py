"""What a student took over from its teacher."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.evaluations.invariance.share import share_taken_over as slope
from robustkd.evaluations.knowledge.parts import parts_of
from robustkd.metrics.arrays import classes_of, labels_of, same_shape
from robustkd.statistics.separation import Separation
from robustkd.statistics.separation import separation as separation_of


def knowledge_parts(teacher: ArrayLike, student: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Return which share of images a student retained, lost, inherited as errors, or decides in its own way.

    Args:
        teacher: Predicted classes (N,), or logits (N, K).
        student: The same for the student, on the same images.
        labels: (N,).

    Returns:
        Shares that sum to 1: ``retained`` (both right), ``new_right`` (only the student is), ``inherited`` (the same
        wrong class), ``new_wrong`` (both wrong, of different classes), ``lost`` (only the teacher is right).

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.knowledge_parts(teacher=[0, 1, 2, 2], student=[0, 0, 2, 1], labels=[0, 1, 1, 1])
    {'retained': 0.25, 'new_right': 0.25, 'inherited': 0.25, 'new_wrong': 0.0, 'lost': 0.25}
    """
    own, other = classes_of(teacher), classes_of(student, teacher)
    parts = parts_of(own, other[None], labels_of(labels, own))
    return {name: float(images.mean()) for name, images in parts.items()}


def share_taken_over(student: ArrayLike, teacher: ArrayLike, baseline: ArrayLike) -> float:
    """Return how far a student moved from the baseline towards the teacher, over several measures.

    Σ (s − i)(t − i) / Σ (t − i)², the slope through the origin.

    Args:
        student: Its measures, (P,), such as the agreement f(X) = f(X′) under each of P changes.
        teacher: The teacher's.
        baseline: The independent baseline's.

    Returns:
        0 for a student like the baseline, 1 for one like the teacher; NaN where teacher and baseline are equal.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.share_taken_over([0.7, 0.8], teacher=[0.8, 1.0], baseline=[0.6, 0.6]).__round__(4)
    0.5
    """
    own, other, independent = (np.asarray(each, dtype=np.float64) for each in (student, teacher, baseline))
    same_shape(own, other)
    same_shape(own, independent)
    return float(slope(own, other, independent))


def separation(students: ArrayLike, independents: ArrayLike) -> Separation:
    """Return whether a statistic tells students from independent networks, with a permutation test.

    Args:
        students: The statistic of each student, (S,), such as its agreement with the teacher.
        independents: The statistic of each independent network, (I,).

    Returns:
        `auroc`, `p_value` (one-sided), the `smallest` p-value that so few networks can give, and whether all
        permutations were counted (`exact`).

    >>> found = rk.metrics.separation([0.9, 0.8, 0.7], [0.6, 0.5])
    >>> found.auroc, found.p_value
    (1.0, 0.1)
    """
    return separation_of(np.asarray(students, dtype=np.float64), np.asarray(independents, dtype=np.float64))
