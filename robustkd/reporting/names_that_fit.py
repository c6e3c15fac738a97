"""Which points of a crowded chart can have their names beside them."""

from collections.abc import Sequence
from typing import NamedTuple

CHARACTER = 6.2
"""The mean width of a character at the size of the names, in pixels."""

LINE = 12.0
"""The height of a name, in pixels."""


class Named(NamedTuple):
    """A point with a name to its upper right.

    Attributes:
        x: The distance from the left, in pixels.
        y: The distance from the top, in pixels.
        name: The name.
        first: Whether its name matters more than those of others.
    """

    x: float
    y: float
    name: str
    first: bool = False


def names_that_fit(points: Sequence[Named]) -> list[bool]:
    """Choose names, those that matter more first, so that none covers another.

    Args:
        points: The points.

    Returns:
        For each point, whether its name is shown.

    >>> names_that_fit([Named(10, 50, "one"), Named(12, 52, "two"), Named(90, 50, "three")])
    [True, False, True]
    """
    taken: list[tuple[float, float, float]] = []
    shown = [False] * len(points)
    for index in sorted(range(len(points)), key=lambda each: not points[each].first):
        point = points[index]
        left, right = point.x, point.x + CHARACTER * len(point.name)
        if not any(left < end and start < right and abs(point.y - line) < LINE for start, end, line in taken):
            taken.append((left, right, point.y))
            shown[index] = True
    return shown
