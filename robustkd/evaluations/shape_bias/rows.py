"""From decisions on images with two cues to tidy rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from robustkd.evaluations.shape_bias.conflicts import CONTROL
from robustkd.results.mean_over_images import MeanOverImages
from robustkd.results.measured import Measured
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.part_rows import part_rows
from robustkd.results.records import Records
from robustkd.statistics.resampling import Observed, resampled, share, where


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Return every row that follows from the records.

    Args:
        records: The records of the evaluation.
        metrics: Its metrics.

    Returns:
        Rows for `tidy`: of the first set of cue conflicts, which is the user's where there is one; of the control; and
        details of every set.
    """
    members, arrays = records.members, records.arrays
    teacher, others = (np.flatnonzero((members["role"] == "teacher") == wanted) for wanted in (True, False))
    without_teacher = members.iloc[others].reset_index(drop=True)
    rows: list[dict[str, Any]] = []
    first = True
    for place, name in enumerate(map(str, arrays["sets"])):
        decided, shapes, textures = (arrays[f"{kind}_{place}"] for kind in ("decided", "shape", "texture"))
        if name == CONTROL:
            rows += metric_rows(members, {"congruent_accuracy": MeanOverImages(decided == shapes)}, metrics)
            continue
        measured = _biases(decided, shapes, textures)
        rows += [
            *(metric_rows(members, measured, metrics) if first else ()),
            *part_rows(members, measured, metrics, name),
        ]
        if len(teacher) and len(others):
            alike = {"conflict_consensus": MeanOverImages(decided[others] == decided[teacher[0]])}
            rows += metric_rows(without_teacher, alike, metrics) if first else []
            rows += part_rows(without_teacher, alike, metrics, name)
        first = False
    return rows


def _biases(decided: np.ndarray, shapes: np.ndarray, textures: np.ndarray) -> Mapping[str, Measured]:
    by_shape, by_texture = decided == shapes, decided == textures
    by_cue = by_shape | by_texture
    networks = [_observed(shape, cue) for shape, cue in zip(by_shape, by_cue, strict=True)]
    return {**resampled(networks, len(shapes)), "cue_decisions": MeanOverImages(by_cue)}


def _observed(by_shape: np.ndarray, by_cue: np.ndarray) -> Observed:
    """One network's shape decisions / (shape + texture decisions) (Geirhos et al. 2019)."""
    return Observed(
        lambda weights: {"shape_bias": share(by_shape, by_cue, weights)},
        {"shape_bias": where(by_cue, by_shape)},
    )
