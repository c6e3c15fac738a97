"""The rates at which attacks on each network fool each other: predicted classes in, rates out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robustkd.attacks.counting import Counting, Pair, jointly_correct


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
