"""From the predictions on all versions to tidy rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.mean_over_images import MeanOverImages
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.part_rows import part_rows
from robustkd.results.records import Records
from robustkd.statistics.resampling import Observed, mean_of_defined, ratio, resampled

ORIGINAL = "test images"
"""The part of the results that is about the test images themselves, for comparison."""


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Return every row that follows from the records.

    Args:
        records: The records of the evaluation.
        metrics: Its metrics.

    Returns:
        Rows for `tidy`: the means over versions, then the test images, then each version.
    """
    members, arrays = records.members, records.arrays
    names = [ORIGINAL, *(str(name) for name in arrays["versions"])]
    seen = [arrays["original"], *(arrays[f"seen_{place}"] for place in range(len(names) - 1))]
    labels = [arrays["label"], *(arrays[f"label_{place}"] for place in range(len(names) - 1))]
    correct = [each == truth for each, truth in zip(seen, labels, strict=True)]
    rows = _rows(members, "domain_accuracy", names, correct, arrays["generated"], metrics)
    teacher, others = (np.flatnonzero((members["role"] == "teacher") == wanted) for wanted in (True, False))
    if len(teacher) and len(others):
        agreed = [each[others] == each[teacher[0]] for each in seen]
        rows = [
            *_rows(
                members.iloc[others].reset_index(drop=True), "consensus", names, agreed, arrays["generated"], metrics
            ),
            *rows,
        ]
    return rows


def _rows(
    members: pd.DataFrame,
    name: str,
    parts: list[str],
    happened: list[np.ndarray],
    generated: np.ndarray,
    metrics: tuple[Metric, ...],
) -> list[dict[str, Any]]:
    """Rows of a share of images: its mean over versions, and each version; the first part is no version."""
    rows = metric_rows(members, _mean(name, happened[1:], generated), metrics) if len(happened) > 1 else []
    for part, each in zip(parts, happened, strict=True):
        rows += part_rows(members, {name: MeanOverImages(each)}, metrics, part)
    return rows


def _mean(name: str, happened: list[np.ndarray], generated: np.ndarray) -> Mapping[str, Any]:
    """The mean over versions; images made of one test image are drawn together, those of other data by themselves."""
    if generated.all():
        return {name: MeanOverImages(np.stack(happened).mean(axis=0, dtype=np.float64))}
    test = max((each.shape[1] for each, made in zip(happened, generated, strict=True) if made), default=0)
    places, count = [], test
    for each, made in zip(happened, generated, strict=True):
        start = 0 if made else count
        places.append(slice(start, start + each.shape[1]))
        count = max(count, start + each.shape[1])
    return resampled(
        [_observed(name, [each[row] for each in happened], places, count) for row in range(len(happened[0]))], count
    )


def _observed(name: str, happened: list[np.ndarray], places: list[slice], count: int) -> Observed:
    """One network's mean over versions, in which each version counts the same."""

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        shares = [
            ratio(weights[:, place] @ each.astype(np.float32), weights[:, place].sum(axis=1))
            for each, place in zip(happened, places, strict=True)
        ]
        return {name: mean_of_defined(np.stack(shares))}

    answers = np.zeros(count)
    for each, place in zip(happened, places, strict=True):
        answers[place] += each / len(happened)
    return Observed(statistics, {name: answers})
