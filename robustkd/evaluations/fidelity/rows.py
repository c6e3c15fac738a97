"""From the records of the fidelity evaluation to tidy rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from robustkd.evaluations.fidelity.class_groups import GROUPS
from robustkd.evaluations.fidelity.consistency import kappa, kappa_p
from robustkd.results.groups import groups_of, std_over_seeds
from robustkd.results.mean_over_images import MeanOverImages, per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.part_rows import part_rows
from robustkd.results.records import Records
from robustkd.results.tidy import method_row
from robustkd.statistics.calibration_error import bin_of, calibration_error
from robustkd.statistics.resampling import Observed, resampled, share, where

Row = dict[str, Any]

MEANS = ("agreement", "kl", "js", "tv", "rank_correlation")
"""The arrays whose means over the test images are metrics."""

BINS = 10
"""The number of bins of the calibration error."""


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return every row that follows from the records.

    Args:
        records: The records of the fidelity evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`.
    """
    arrays, members = records.arrays, records.members
    means = {name: arrays[name] for name in MEANS if name in arrays}
    if "agreement_train" in arrays:
        means["agreement_train"] = arrays["agreement_train"]
    if "groups" in arrays:
        parts = ("kl_across_groups", *(f"kl_{group}" for group in GROUPS))
        means |= {name: arrays["groups"][:, place] for place, name in enumerate(parts)}
    by_answer = {"agreement_right": arrays["teacher_correct"], "agreement_wrong": ~arrays["teacher_correct"]}
    rows = [row for name, seen in means.items() for row in per_image_rows(members, {name: seen}, metrics)]
    for name, images in by_answer.items():
        if images.any():
            rows += per_image_rows(members, {name: arrays["agreement"][:, images]}, metrics)
    rows += metric_rows(members, _resampled(arrays), metrics)
    rows += _set_rows(records, metrics)
    return [*rows, *_ece_rows(members, arrays, next(metric for metric in metrics if metric.name == "ece"))]


def _resampled(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """κ, κ_p, and the same wrong class, which are no means over the same images for all networks."""
    taught, classes = arrays["teacher_correct"], int(arrays["classes"])
    images = len(taught)
    found = resampled([kappa(taught, correct) for correct in arrays["correct"]], images)
    pairs = zip(arrays["overlap"], arrays["label"], strict=True)
    found |= resampled([kappa_p(overlap, arrays["teacher_label"], label, classes) for overlap, label in pairs], images)
    if taught.all():
        return found
    answers = zip(arrays["agreement"], arrays["correct"], strict=True)
    return found | resampled([_same_wrong(agreed, ~taught & ~correct) for agreed, correct in answers], images)


def _same_wrong(agreed: np.ndarray, both_wrong: np.ndarray) -> Observed:
    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        return {"same_wrong": share(agreed, both_wrong, weights)}

    return Observed(statistics, {"same_wrong": where(both_wrong, agreed)})


def _set_rows(records: Records, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    """Agreement on each further set, as rows of level ``detail`` whose `part` is the name of the set."""
    for place, name in enumerate(records.arrays["sets"]):
        seen = {"agreement": MeanOverImages(records.arrays[f"agreement_{place}"])}
        yield from part_rows(records.members, seen, metrics, str(name))


def _ece_rows(members: pd.DataFrame, arrays: Mapping[str, np.ndarray], metric: Metric) -> Iterator[Row]:
    """The calibration error of each method, as rows of level ``detail``."""
    once = np.ones((1, arrays["correct"].shape[1]), dtype=np.float32)
    pairs = zip(arrays["confidence"], arrays["correct"], strict=True)
    errors = np.array([calibration_error(*pair, bin_of(pair[0], BINS), BINS, once)[0] for pair in pairs])
    for group in groups_of(members):
        own = errors[group.rows]
        known = {"value": float(own.mean()), "std": std_over_seeds(own), "n": once.shape[1]}
        yield {**method_row(group, metric), "level": "detail"} | known
