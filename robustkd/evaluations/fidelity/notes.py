"""Why some numbers of fidelity are not defined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from robustkd.presentation.numbers import join


def notes_on(names: Sequence[str], arrays: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Note what the records cannot tell.

    Args:
        names: The names of the networks.
        arrays: The arrays of the records.

    Returns:
        Sentences without their full stop.
    """
    teacher, correct = arrays["teacher_correct"], arrays["correct"]
    notes = [*_without_consistency(names, correct, teacher)]
    if teacher.all():
        notes.append("Agreement where the teacher is wrong is left out: it is right on every image")
    else:
        apart = [name for name, own in zip(names, correct, strict=True) if (own | teacher).all()]
        if apart:
            notes.append(f"The same wrong class is not defined for {join(apart)}: never wrong where the teacher is")
    if not teacher.any():
        notes.append("Agreement where the teacher is right is left out: it is wrong on every image")
    if "rank_correlation" not in arrays:
        notes.append("The rank correlation of the wrong classes is left out: it needs three classes or more")
    return tuple(notes)


def _without_consistency(names: Sequence[str], correct: np.ndarray, teacher: np.ndarray) -> list[str]:
    """Note why error consistency is not defined, where both networks are always right or both always wrong."""
    notes = []
    for word, right in (("right", True), ("wrong", False)):
        alike = [name for name, own in zip(names, correct, strict=True) if (own == right).all()]
        if alike and (teacher == right).all():
            notes.append(
                f"Error consistency of {join(alike)} is not defined: like the teacher, it is {word} on every image"
            )
    return notes
