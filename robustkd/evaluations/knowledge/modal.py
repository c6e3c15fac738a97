"""What most of the networks of a method predict, and where that changed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from robustkd.results.groups import Group, baseline_of, groups_of
from robustkd.statistics.studentised import FEWEST_SEEDS

NONE = -1
"""Takes the place of a class where no class has more votes than every other."""


class Modal(NamedTuple):
    """The modal predictions of some networks.

    Attributes:
        classes: The class that more networks predict than any other, int64 (N,); `NONE` where two are equally frequent.
        votes: The number of networks that predict it, int64 (N,).
    """

    classes: np.ndarray
    votes: np.ndarray


class Changed(NamedTuple):
    """Images whose modal prediction differs between a student and its baseline.

    Attributes:
        student: The student.
        baseline: Its baseline.
        own: The student's modal predictions.
        other: The baseline's.
        forgotten: The images that the baseline's modal prediction gets right and the student's gets wrong, bool (N,).
        gained: The images of the reverse, bool (N,).
    """

    student: Group
    baseline: Group
    own: Modal
    other: Modal
    forgotten: np.ndarray
    gained: np.ndarray


def modal(predicted: np.ndarray) -> Modal:
    """Return what most networks predict.

    Args:
        predicted: The classes that S networks predict, int (S, N).
    """
    votes = np.stack([(predicted == own).sum(axis=0) for own in predicted])
    most, place = votes.max(axis=0), votes.argmax(axis=0)
    classes = np.take_along_axis(predicted, place[None], axis=0)[0].astype(np.int64)
    tied = ((votes == most) & (predicted != classes)).any(axis=0)
    return Modal(np.where(tied, NONE, classes), most)


def changed_images(members: pd.DataFrame, predicted: np.ndarray, labels: np.ndarray) -> list[Changed]:
    """Compare the modal predictions of each student and its baseline, where both have three seeds or more.

    Args:
        members: One row per network.
        predicted: The classes that they predict, int (M, N).
        labels: int (N,).
    """
    groups = groups_of(members)
    found = []
    for student in groups:
        baseline = baseline_of(student, groups)
        if student.who["role"] != "student" or baseline is None:
            continue
        if min(len(student.rows), len(baseline.rows)) < FEWEST_SEEDS:
            continue
        own, other = modal(predicted[student.rows]), modal(predicted[baseline.rows])
        decided = (own.classes != NONE) & (other.classes != NONE)
        right, before = own.classes == labels, other.classes == labels
        found.append(Changed(student, baseline, own, other, decided & before & ~right, decided & ~before & right))
    return found
