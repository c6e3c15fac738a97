"""What would change the answer of an evaluation: how large a difference its intervals resolve."""

import math
from collections.abc import Sequence
from dataclasses import replace

from robustkd.presentation.numbers import join, number, quantity
from robustkd.presentation.sentences import FEW_STUDENTS
from robustkd.reporting.statement.judged import Judged, JudgedStudents
from robustkd.reporting.statement.wording import subject_of

MOST_TIMES = 1000
"""Above so many times the images and seeds, a difference is called too small to be found."""


def what_would_decide(judged: JudgedStudents, evaluation: str) -> str:
    """Say how large a difference the intervals of an evaluation resolve, and what would decide the others.

    The width of an interval falls with the square root of the number of images and seeds that it is over, so that a
    difference d with an interval of half-width w needs about (w / d)² times as many to reach significance.

    Args:
        judged: The differences of all students.
        evaluation: The name of the evaluation.

    Returns:
        One or two sentences, for each part of a study; empty where no difference is undecided.
    """
    parts: dict[str, list[Judged]] = {}
    for (part, _), own in judged.items():
        parts.setdefault(part, []).extend(each for each in own if each.evaluation.name == evaluation and each.primary)
    told = {part: _of_part(own) for part, own in parts.items()}
    return " ".join(f"{part}: {text}" if part else text for part, text in told.items() if text)


def _of_part(judged: Sequence[Judged]) -> str:
    undecided = [each for each in judged if each.sign == 0 and not each.absent and _half_width(each) > 0]
    if not undecided:
        return ""
    widest = max(undecided, key=_half_width)
    resolved = quantity(_half_width(widest), replace(widest.metric, difference_of=None))
    return f"A difference in {subject_of(widest)} of less than about {resolved} is not seen here. {_needed(undecided)}"


def _needed(judged: Sequence[Judged]) -> str:
    """How many times the images and seeds the observed differences need, for the students nearest to it."""
    nearest = sorted(judged, key=_times)[:FEW_STUDENTS]
    within = [each for each in nearest if _times(each) <= MOST_TIMES]
    if not within:
        return "The observed differences are too small to be found with any practical number of images and seeds."
    told = [
        f"{_times(each):.2g} times for {each.finding.student} ({number(each.finding.difference, each.metric)})"
        for each in within
    ]
    return f"To find the observed differences, the images and seeds needed are about {join(told)}."


def _half_width(judged: Judged) -> float:
    return (judged.finding.high - judged.finding.low) / 2


def _times(judged: Judged) -> float:
    difference = abs(judged.finding.difference)
    return max((_half_width(judged) / difference) ** 2, 1.1) if difference > 0 else math.inf
