"""The classes whose accuracy distillation changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from robustkd.results.groups import Group, baseline_of, groups_of
from robustkd.results.mean_over_images import MeanOverImages
from robustkd.statistics.significance import significant_signs
from robustkd.statistics.studentised import Tested

FEWEST_IMAGES = 2
"""The fewest images of a class that is compared."""


class ClassChanges(NamedTuple):
    """The accuracy of a student on the images of each class, minus its baseline's.

    Attributes:
        student: The student.
        classes: The classes that were compared, int64 (C,).
        images: The number of images of each, int64 (C,).
        gains: The differences of the accuracies, float64 (C,).
        tests: Interval and test of each difference, paired over the images.
        signs: 1 where the accuracy rose significantly, −1 where it fell, else 0, int64 (C,).
    """

    student: Group
    classes: np.ndarray
    images: np.ndarray
    gains: np.ndarray
    tests: list[Tested | None]
    signs: np.ndarray

    @property
    def share(self) -> float:
        """The share of the compared classes whose accuracy changed significantly; NaN if none was compared."""
        return float((self.signs != 0).mean()) if len(self.classes) else float("nan")


def class_changes(members: pd.DataFrame, predicted: np.ndarray, labels: np.ndarray) -> list[ClassChanges]:
    """Compare each student with its baseline, class by class, corrected for the number of classes (Holm).

    Args:
        members: One row per network.
        predicted: The classes that they predict, int (M, N).
        labels: int (N,).
    """
    groups = groups_of(members)
    shown, images = np.unique(labels, return_counts=True)
    shown, images = shown[images >= FEWEST_IMAGES], images[images >= FEWEST_IMAGES]
    correct = predicted == labels
    of_class = [MeanOverImages(correct[:, labels == label]) for label in shown]
    found = []
    for student in groups:
        baseline = baseline_of(student, groups)
        if student.who["role"] != "student" or baseline is None:
            continue
        gains = np.array([_gain(each, student, baseline) for each in of_class])
        tests = [each.of_difference(student.rows, baseline.rows) for each in of_class]
        p_values = [np.nan if test is None else test.p_value for test in tests]
        signs = significant_signs(gains.tolist(), p_values)
        found.append(ClassChanges(student, shown, images, gains, tests, signs))
    return found


def _gain(accuracy: MeanOverImages, student: Group, baseline: Group) -> float:
    return float(accuracy.values[student.rows].mean() - accuracy.values[baseline.rows].mean())
