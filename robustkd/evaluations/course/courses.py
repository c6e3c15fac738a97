"""The fidelity along a training, as the header of a checkpoint holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MEASURES = ("accuracy", "agreement", "kl")
"""What is measured along a training, besides ``epoch``, the number of epochs done."""

Course = dict[str, np.ndarray]
"""By the names of `MEASURES` and ``epoch``, float64 (P,) for P points."""


def course_of(lineage: Mapping[str, Any]) -> Course | None:
    """Return the course of a training.

    Args:
        lineage: What a checkpoint says of its origin; see `robustkd.distillation.history.course_record`.

    Returns:
        The course; None if the network was not measured along its training, or if what is held is no course.
    """
    held = lineage.get("course")
    if not isinstance(held, Mapping):
        return None
    try:
        course = {name: np.array(held[name], dtype=np.float64) for name in ("epoch", *MEASURES)}
    except (KeyError, TypeError, ValueError):
        return None
    shares = np.concatenate([course["accuracy"].ravel(), course["agreement"].ravel()])
    points = course["epoch"].shape
    fits = len(points) == 1 and points[0] > 0 and all(values.shape == points for values in course.values())
    if not fits or not bool(((shares >= 0) & (shares <= 1)).all()):
        return None
    in_order = bool((np.diff(course["epoch"], prepend=0.0) > 0).all())
    return course if in_order and bool(np.isfinite(course["epoch"]).all()) else None


def in_one_array(courses: Sequence[Course]) -> dict[str, np.ndarray]:
    """Stack the courses of several networks.

    Args:
        courses: One course for each network, of any length.

    Returns:
        By name, float64 (networks, points); NaN after the last point of a shorter course.
    """
    points = max(len(course["epoch"]) for course in courses)
    return {
        name: np.stack(
            [np.pad(course[name], (0, points - len(course[name])), constant_values=np.nan) for course in courses]
        )
        for name in ("epoch", *MEASURES)
    }
