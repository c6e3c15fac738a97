"""Accuracy, confidence and number of images in each bin of the confidence: the numbers of a reliability diagram."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.groups import groups_of
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.tidy import method_row
from robustkd.statistics.calibration_error import bin_of
from robustkd.statistics.intervals import unvaried
from robustkd.statistics.resampling import Observed, ratio, resampled

BIN_METRICS = (
    Metric("bin_accuracy", "Accuracy", "fraction", None, "Accuracy of the images in a bin of the confidence."),
    Metric("bin_confidence", "Confidence", "fraction", None, "Mean confidence in a bin."),
    Metric("bin_share", "Share of images", "fraction", None, "Share of the images in a bin."),
)
"""The metrics of rows of level ``bin``, whose `part` is the upper limit of the bin; seeds of a method are pooled."""


def bin_rows(members: pd.DataFrame, confidences: np.ndarray, corrects: np.ndarray, bins: int) -> list[dict[str, Any]]:
    """Return the rows of the bins of each method, over all its seeds.

    Args:
        members: One row per network.
        confidences: The largest probability of each image, float (M, N).
        corrects: Whether each image is classified correctly, bool (M, N).
        bins: The number of bins, of equal width.

    Returns:
        Rows of level ``bin`` for `tidy`.
    """
    rows: list[dict[str, Any]] = []
    for group in groups_of(members):
        seen = _binned(confidences[group.rows], corrects[group.rows], bins)
        found, alone = resampled([seen], confidences.shape[1]), np.array([0])
        inside = np.bincount(bin_of(confidences[group.rows].ravel(), bins), minlength=bins).tolist()
        for index in range(bins):
            for metric in BIN_METRICS:
                row = {
                    **method_row(group, metric),
                    "level": "bin",
                    "part": f"{(index + 1) / bins:g}",
                    "n": inside[index],
                }
                of_bin = found[f"{metric.name} {index}"]
                value = None if np.isnan(of_bin.values[0]) else float(of_bin.values[0])
                rows.append(row | {"value": value} | bounds(of_bin.of_mean(alone)))
    return rows


def equal_mass_bin_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of each confidence, int64 (N,), such that the sizes of the bins differ by at most one.

    Equal confidences at the limit of two bins are assigned in the order of the images.
    """
    rank = np.empty(len(confidence), dtype=np.int64)
    rank[np.argsort(confidence, kind="stable")] = np.arange(len(confidence))
    return rank * bins // len(confidence)


def _binned(confidence: np.ndarray, correct: np.ndarray, bins: int) -> Observed:
    """The contents of each bin, pooled over the S networks of a method (S, N); resamples draw images."""
    inside = (bin_of(confidence, bins)[..., None] == np.arange(bins)).astype(np.float32)
    counts, right, sure = (
        np.einsum("snb,sn->nb", inside, of) for of in (np.ones_like(confidence), correct, confidence)
    )

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        count = weights @ counts
        means = (ratio(weights @ right, count), ratio(weights @ sure, count), ratio(count, count.sum(axis=1)[:, None]))
        return {
            f"{metric.name} {index}": mean[:, index]
            for metric, mean in zip(BIN_METRICS, means, strict=True)
            for index in range(bins)
        }

    once, images = statistics(np.ones((1, len(counts)))), (counts > 0).sum(axis=0)
    limits = {}
    for index in range(bins):
        accuracy, sureness, share = (f"{metric.name} {index}" for metric in BIN_METRICS)
        few = int(images[index])
        limits[accuracy] = unvaried(float(once[accuracy][0]), few)
        limits[sureness] = unvaried(float(once[sureness][0]), few, index / bins, (index + 1) / bins)
        limits[share] = unvaried(float(once[share][0]), len(counts))
    return Observed(statistics, limits=limits)
