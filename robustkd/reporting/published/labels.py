"""Places for the labels of dots, so that they cover neither each other nor a dot."""

from collections.abc import Sequence
from typing import NamedTuple

_HEIGHT = 11.0

_WIDTH = 5.8
"""The width of a character; an average for proportional letters of ten pixels."""

_AWAY = 7.0


class Label(NamedTuple):
    """The place of a label, in pixels from the lower left corner of the panel.

    Attributes:
        x: The end of the text that `align` names.
        y: The middle of the text.
        align: ``left``, ``right`` or ``center``.
    """

    x: float
    y: float
    align: str


class _Box(NamedTuple):
    left: float
    right: float
    bottom: float
    top: float


def placed_labels(names: Sequence[str], dots: Sequence[tuple[float, float]], size: float) -> list[Label]:
    """Place a label beside each dot: right, left, above or below, whichever covers least, in this order.

    Args:
        names: The texts.
        dots: The dots in pixels from the lower left corner.
        size: Width and height of the panel.
    """
    taken = [_Box(x - 4, x + 4, y - 4, y + 4) for x, y in dots]
    placed = []
    for name, dot in zip(names, dots, strict=True):
        options = [(label, _box(label, name)) for label in _around(*dot)]
        label, box = min(options, key=lambda option: _covered(option[1], taken) + _outside(option[1], size))
        taken.append(box)
        placed.append(label)
    return placed


def _around(x: float, y: float) -> list[Label]:
    diagonal = [
        Label(x + side * _AWAY, y + away * _HEIGHT, "left" if side > 0 else "right")
        for away in (1, -1)
        for side in (1, -1)
    ]
    beside = [Label(x + _AWAY, y, "left"), Label(x - _AWAY, y, "right")]
    return [*beside, Label(x, y + 1.2 * _HEIGHT, "center"), Label(x, y - 1.2 * _HEIGHT, "center"), *diagonal]


def _box(label: Label, name: str) -> _Box:
    width = _WIDTH * len(name)
    left = label.x - {"left": 0.0, "center": 0.5, "right": 1.0}[label.align] * width
    return _Box(left, left + width, label.y - _HEIGHT / 2, label.y + _HEIGHT / 2)


def _covered(box: _Box, taken: Sequence[_Box]) -> float:
    """The area that a box shares with others."""
    return sum(
        max(0.0, min(box.right, other.right) - max(box.left, other.left))
        * max(0.0, min(box.top, other.top) - max(box.bottom, other.bottom))
        for other in taken
    )


def _outside(box: _Box, size: float) -> float:
    """The area that lies outside the panel."""
    over = max(0.0, -box.left) + max(0.0, box.right - size)
    return _HEIGHT * over + (box.right - box.left) * (max(0.0, -box.bottom) + max(0.0, box.top - size))
