"""What an evaluation says about itself: what it needs and costs, its papers, and how to read its numbers."""

from collections.abc import Collection
from dataclasses import dataclass

NEEDS = {
    "teacher": "a teacher",
    "training": "the training set",
    "networks": "the networks",
    "gradients": "gradients with respect to the image",
}
"""What a pool must offer, in words, by the fields of `Requirements`."""

TOLD = ("cost", "cites", "reading", "chance", "control")
"""The attributes of an evaluation that its guide repeats."""


@dataclass(frozen=True)
class Guide:
    """What an evaluation says about itself.

    Attributes:
        needs: What it needs of a pool, in words.
        cost: What it costs.
        cites: Its papers, by authors and year.
        reading: How to read its numbers.
        chance: The value that chance alone gives.
        control: What the numbers are compared with.
    """

    needs: str = ""
    cost: str = ""
    cites: str = ""
    reading: str = ""
    chance: str = ""
    control: str = ""


def needs_in_words(required: Collection[str]) -> str:
    """Return requirements in words, in the order of `NEEDS`.

    Args:
        required: The fields of `Requirements` that are true.
    """
    return ", ".join(words for field, words in NEEDS.items() if field in required) or "predictions alone"
