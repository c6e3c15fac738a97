"""Which images an attack on one network fools another on, counted as the papers do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from robustkd.statistics.rates import Counted


@dataclass(frozen=True)
class Pair:
    """The classes that a source and a target predict for the same images, each array (N,).

    Attributes:
        labels: The true classes.
        clean_source: The source's predictions for the clean images.
        clean_target: The target's predictions for the clean images.
        attacked_source: The source's predictions for the adversarial examples crafted on it.
        attacked_target: The target's predictions for these examples.
    """

    labels: np.ndarray
    clean_source: np.ndarray
    clean_target: np.ndarray
    attacked_source: np.ndarray
    attacked_target: np.ndarray


def jointly_correct(pair: Pair) -> Counted:
    """Count as the text of sarfraz2020, section VI, does: the images that both classify correctly are eligible."""
    eligible = (pair.clean_source == pair.labels) & (pair.clean_target == pair.labels)
    return Counted(eligible & (pair.attacked_target != pair.labels), eligible)


def fooled_source(pair: Pair) -> Counted:
    """Count as sarfraz2020's script does: of the images that both classify correctly, those that fool the source."""
    eligible = jointly_correct(pair).eligible & (pair.attacked_source != pair.labels)
    return Counted(eligible & (pair.attacked_target != pair.labels), eligible)


def fooling_rate(pair: Pair) -> Counted:
    """Count as ojha2023, section 4.2, does: where the source's prediction changes, whether the target's changes too.

    The labels have no part in it.
    """
    eligible = pair.attacked_source != pair.clean_source
    return Counted(eligible & (pair.attacked_target != pair.clean_target), eligible)


Counting = Callable[[Pair], Counted]

VARIANTS: dict[str, Counting] = {
    "jointly_correct": jointly_correct,
    "fooled_source": fooled_source,
    "fooling_rate": fooling_rate,
}
"""All ways of counting, by name."""
