"""What methods and evaluations say about themselves: what they need and cost, their papers, how to read numbers."""

from collections.abc import Collection
from dataclasses import dataclass

NEEDS = {
    "teacher": "a teacher",
    "training": "the training set",
    "networks": "the networks",
    "gradients": "gradients with respect to the image",
    "course": "the fidelity measured along the training (training.evaluate_every)",
    "condition": "networks trained under its condition",
}
"""What a pool must offer, in words, by the fields of `Requirements`."""

TOLD = ("cost", "cites", "reading", "chance", "control")
"""The attributes of an evaluation that its guide repeats."""


@dataclass(frozen=True)
class Guide:
    """What a method or an evaluation says about itself.

    Attributes:
        matches: What a method's student is to match.
        needs: What it needs of a pool or of a training, in words.
        cost: What it costs.
        cites: Its papers, by authors and year.
        reading: How to read its numbers.
        chance: The value that chance alone gives.
        control: What the numbers are compared with.
    """

    matches: str = ""
    needs: str = ""
    cost: str = ""
    cites: str = ""
    reading: str = ""
    chance: str = ""
    control: str = ""


def guide_of_method(needs_teacher: bool, matches: str, cost: float | None, cites: str) -> Guide:
    """Return the guide of a method.

    Args:
        needs_teacher: Whether it needs a teacher.
        matches: What the student is to match.
        cost: The time of a training relative to that of `baseline`; None if nobody measured it.
        cites: Its papers.
    """
    needs = "a teacher" if needs_teacher else "no teacher"
    told = "" if cost is None else f"{cost:.1f} times the time of baseline"
    return Guide(matches=matches, needs=needs, cost=told, cites=cites)


def needs_in_words(required: Collection[str]) -> str:
    """Return requirements in words, in the order of `NEEDS`.

    Args:
        required: The fields of `Requirements` that are true.
    """
    return ", ".join(words for field, words in NEEDS.items() if field in required) or "predictions alone"
