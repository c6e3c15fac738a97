"""The parts into which teacher and network divide the images."""

import numpy as np

PARTS = ("retained", "new_right", "inherited", "new_wrong", "lost")
"""The parts, in the order of the chart. Each image belongs to one of them."""


def parts_of(teacher: np.ndarray, predicted: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return the images of each part.

    Args:
        teacher: The classes that the teacher predicts, int (N,).
        predicted: The classes that each of M other networks predicts, int (M, N).
        labels: int (N,).

    Returns:
        For each of `PARTS` bool (M, N).
    """
    taught, right = teacher == labels, predicted == labels
    alike = predicted == teacher
    return {
        "retained": taught & right,
        "new_right": ~taught & right,
        "inherited": ~taught & alike,
        "new_wrong": ~taught & ~right & ~alike,
        "lost": taught & ~right,
    }
