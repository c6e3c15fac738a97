"""Which images each attack fools each network on, counted as the papers do: predicted classes in, rates out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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


def pair_of(arrays: Mapping[str, np.ndarray], source: int, target: int, attacked: np.ndarray | None = None) -> Pair:
    """Select a pair from the records.

    Args:
        arrays: The records: ``label`` (N,), ``clean`` (M, N) and ``adversarial`` (M, M, N), by source and target.
        source: The index of the member that was attacked.
        target: The index of the member that the examples were shown to.
        attacked: An array (M, M, N) to use in place of ``adversarial``, such as that of another ε.
    """
    attacked = arrays["adversarial"] if attacked is None else attacked
    clean = arrays["clean"]
    return Pair(arrays["label"], clean[source], clean[target], attacked[source, source], attacked[source, target])


def success_matrix(
    arrays: Mapping[str, np.ndarray], counting: Counting = jointly_correct, attacked: np.ndarray | None = None
) -> np.ndarray:
    """Compute the rates of all pairs.

    Args:
        arrays: The records, as for `pair_of`.
        counting: One of `VARIANTS`.
        attacked: The argument `attacked` of `pair_of`.

    Returns:
        The rates, float64 (M, M), sources in rows, targets in columns; NaN where no image is eligible.
    """
    members = range(len(arrays["clean"]))
    return np.array(
        [[counting(pair_of(arrays, source, target, attacked)).rate for target in members] for source in members]
    )


NOT_SAMPLED = -2
"""Marks, in place of a predicted class, an image that an attack without gradients was not run on, to save time."""


def robust(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the images that a network classifies correctly, both clean and after every attack on itself.

    Args:
        arrays: The records, as for `pair_of`, and ``own`` (A, M, N): the classes that each network predicts for the
            examples of the further attacks on itself; −1 where an earlier attack had fooled it already, `NOT_SAMPLED`
            where the attack was not run.

    Returns:
        The worst case over the attacks, bool (M, N).
    """
    labels, members = arrays["label"], np.arange(len(arrays["clean"]))
    withstood = (arrays["clean"] == labels) & (arrays["adversarial"][members, members] == labels)
    own = arrays["own"]
    return np.asarray(withstood & ((own == labels) | (own == NOT_SAMPLED)).all(axis=0))
