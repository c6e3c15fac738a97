"""The comparison of two networks, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustkd.evaluations.similarity.cka import cka_by_image, cka_of, contributions, debiased_cka_of
from robustkd.evaluations.similarity.gnosis import gnosis_cka
from robustkd.evaluations.similarity.neighbours import shared_neighbours
from robustkd.evaluations.similarity.stages import Stage, matched

Arrays = dict[str, np.ndarray]


def compared(reference: Sequence[Stage], stages: Sequence[Stage], shuffled: np.ndarray) -> Arrays:
    """Compare each stage of a network with the stage of the reference that it is matched with.

    Args:
        reference: The stages of the reference, such as the teacher.
        stages: The S stages of the network, for the same N images.
        shuffled: A permutation of the images, int64 (N,).

    Returns:
        ``stage`` and ``reference_stage``, names (S,); ``cka`` and ``mutual_knn``, by image, float64 (S, N);
        ``cka_debiased``, ``cka_gnosis`` and ``cka_shuffled``, float64 (S,). NaN where something is not defined, and
        where the reference has no blocks to match a block with.
    """
    rows = []
    for stage, place in zip(stages, matched(len(stages), len(reference)), strict=True):
        rows.append(_absent(stage) if place < 0 else _compared(reference[place], stage, shuffled))
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _compared(reference: Stage, stage: Stage, shuffled: np.ndarray) -> Arrays:
    both = contributions(reference.features, stage.features)
    at_random = contributions(reference.features[shuffled], stage.features)
    columns = (reference.columns, stage.columns)
    found = _absent(stage) | {
        "reference_stage": np.array(reference.name),
        "cka": cka_by_image(both, reference.own, stage.own),
        "cka_debiased": np.array(debiased_cka_of(both, reference.own, stage.own, reference.norms, stage.norms)),
        "cka_shuffled": np.array(cka_of(at_random, reference.own, stage.own)),
    }
    if columns[0] is not None and columns[1] is not None:
        found["cka_gnosis"] = np.array(gnosis_cka(columns[0], columns[1]))
    if stage.neighbours:
        found["mutual_knn"] = shared_neighbours(reference.nearest, stage.nearest)
    return found


def _absent(stage: Stage) -> Arrays:
    by_image = np.full(len(stage.features), np.nan)
    none = np.array(np.nan)
    return {
        "stage": np.array(stage.name),
        "reference_stage": np.array(""),
        "cka": by_image,
        "mutual_knn": by_image,
        "cka_debiased": none,
        "cka_shuffled": none,
        "cka_gnosis": none,
    }
