"""Counting transfer: whom each attack fools, as the papers count it. Arrays of predicted classes in, rates out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

MASKING_POINTS = 0.02
OVERSTATED_POINTS = 0.05
MOST_ZERO_GRADIENTS = 0.01

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Pair:
    """What a source and a target say about the same images; each array is (N,), of classes.

    Attributes:
        labels: The true classes.
        clean_source: What the source says of the clean images.
        clean_target: What the target says of them.
        attacked_source: What the source says of the examples made against it.
        attacked_target: What the target says of these.
    """

    labels: np.ndarray
    clean_source: np.ndarray
    clean_target: np.ndarray
    attacked_source: np.ndarray
    attacked_target: np.ndarray


class Counted(NamedTuple):
    """Which images count.

    Attributes:
        events: bool (N,), true where the attack transferred.
        eligible: bool (N,), true where it could have.
    """

    events: np.ndarray
    eligible: np.ndarray

    @property
    def rate(self) -> float:
        """Events among the eligible; NaN where there are none."""
        count = int(self.eligible.sum())
        return float(self.events.sum() / count) if count else float("nan")


def jointly_correct(pair: Pair) -> Counted:
    """Count as the text of sarfraz2020, section VI, does: eligible is what both classify correctly."""
    eligible = (pair.clean_source == pair.labels) & (pair.clean_target == pair.labels)
    return Counted(eligible & (pair.attacked_target != pair.labels), eligible)


def fooled_source(pair: Pair) -> Counted:
    """Count as sarfraz2020's script does: of what both classify correctly, only what fools the source itself."""
    eligible = jointly_correct(pair).eligible & (pair.attacked_source != pair.labels)
    return Counted(eligible & (pair.attacked_target != pair.labels), eligible)


def fooling_rate(pair: Pair) -> Counted:
    """Count as ojha2023, section 4.2, does: where the source's prediction changed, whether the target's did too.

    Right or wrong plays no part in it.
    """
    eligible = pair.attacked_source != pair.clean_source
    return Counted(eligible & (pair.attacked_target != pair.clean_target), eligible)


Counting = Callable[[Pair], Counted]

VARIANTS: dict[str, Counting] = {
    "jointly_correct": jointly_correct,
    "fooled_source": fooled_source,
    "fooling_rate": fooling_rate,
}
"""Every way of counting, by name."""


def pair_of(arrays: Mapping[str, np.ndarray], source: int, target: int, attacked: np.ndarray | None = None) -> Pair:
    """Cut a pair from the records.

    Args:
        arrays: ``label`` (N,), ``clean`` (M, N) and ``adversarial`` (M, M, N), by source and target.
        source: Which member was attacked.
        target: Which was shown the examples.
        attacked: Another array (M, M, N) in place of ``adversarial``, as of another ε.
    """
    attacked = arrays["adversarial"] if attacked is None else attacked
    clean = arrays["clean"]
    return Pair(arrays["label"], clean[source], clean[target], attacked[source, source], attacked[source, target])


def success_matrix(
    arrays: Mapping[str, np.ndarray], counting: Counting = jointly_correct, attacked: np.ndarray | None = None
) -> np.ndarray:
    """Give the rates of all pairs.

    Args:
        arrays: As for `pair_of`.
        counting: One of `VARIANTS`.
        attacked: As for `pair_of`.

    Returns:
        float64 (M, M), sources in rows, targets in columns; NaN where no image is eligible.
    """
    members = range(len(arrays["clean"]))
    return np.array(
        [[counting(pair_of(arrays, source, target, attacked)).rate for target in members] for source in members]
    )


def robust(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Say which images no attack on a network itself could turn, and which it got right to begin with.

    Args:
        arrays: As for `pair_of`, and ``own`` (A, M, N): the classes it predicts for the examples of further attacks
            on itself; −1 where these were not tried, because an earlier one had fooled it.

    Returns:
        bool (M, N), the worst case over the attacks.
    """
    labels, members = arrays["label"], np.arange(len(arrays["clean"]))
    withstood = (arrays["clean"] == labels) & (arrays["adversarial"][members, members] == labels)
    return np.asarray(withstood & (arrays["own"] == labels).all(axis=0))


def masks_gradients(excess: float, low: float) -> bool:
    """Say whether a transferred attack succeeds more than two points oftener than a network's own, and not by chance.

    An attack that sees the gradients should be the stronger one; where it is not, they do not show the way.

    Args:
        excess: Success of the strongest transferred attack minus that of the own one.
        low: The lower end of its paired interval over the same images, for all sources together.
    """
    return bool(excess > MASKING_POINTS + _ROUNDING and low > 0)


def overstates(first: float, worst: float) -> bool:
    """Say whether the first attack leaves more than five points more of the images standing than all together.

    Both count images that were classified correctly to begin with. Several attacks always find a little more than one
    of them; so much more is a fault of the first.
    """
    return bool(first - worst > OVERSTATED_POINTS + _ROUNDING)


def stands_still(zero_gradients: float) -> bool:
    """Say whether so large a share of the images has no input gradient that an attack through it tells nothing."""
    return bool(zero_gradients >= MOST_ZERO_GRADIENTS)
