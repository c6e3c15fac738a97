"""From the records of the similarity evaluation to tidy rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.mean_over_images import MeanOverImages, per_image_rows
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.results.tidy import network_row
from robustkd.results.value_rows import value_rows

Row = dict[str, Any]

BY_IMAGE = ("cka", "mutual_knn")
VALUES = ("cka_debiased", "cka_shuffled", "cka_gnosis")


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return every row that follows from the records.

    Args:
        records: The records of the similarity evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`: those of the pooled features (`cka_gnosis`: of the last block), then details by stage, whose
        `part` is the name of the stage and whose `strength` is its place, counted from 1.
    """
    names = records.arrays["stage"]
    pooled = (names != "").sum(axis=1) - 1
    rows = [*_by_image(records, np.arange(len(names)), pooled, metrics)]
    for metric in metrics:
        if metric.name in VALUES:
            place = np.maximum(pooled - (metric.name == "cka_gnosis"), 0)
            values = records.arrays[metric.name][np.arange(len(names)), place]
            rows += value_rows(records.members, values, metric) if not np.isnan(values).all() else []
    return [*rows, *_stage_rows(records, metrics), *_between_rows(records, metrics)]


def _by_image(records: Records, rows: np.ndarray, places: np.ndarray, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    """The rows of some members at one place each; those for which a metric is not defined are left out."""
    for name in BY_IMAGE:
        seen = records.arrays[name][rows, places]
        defined = ~np.isnan(seen).any(axis=1)
        if defined.any():
            chosen = tuple(metric for metric in metrics if name in (metric.name, metric.difference_of))
            yield from per_image_rows(_some(records.members, rows[defined]), {name: seen[defined]}, chosen)


def _stage_rows(records: Records, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    """Each method at every stage, with the baseline's among the networks of the same stages."""
    names = records.arrays["stage"]
    for alike in dict.fromkeys(map(tuple, names.tolist())):
        rows = np.flatnonzero((names == np.array(alike)).all(axis=1))
        stages = [name for name in alike if name]
        for place, stage in enumerate(stages if len(stages) > 1 else []):
            found = [*_by_image(records, rows, np.full(len(rows), place), metrics)]
            for metric in metrics:
                values = records.arrays[metric.name][rows, place] if metric.name in VALUES else np.array([np.nan])
                if not np.isnan(values).all():
                    found += value_rows(_some(records.members, rows), values, metric)
            unmarked: Row = {"below_baseline": None, "ties_best": None}
            detail: Row = {"level": "detail", "part": stage, "strength": float(place + 1)} | unmarked
            yield from (row | detail for row in found if row["level"] == "method")


def _between_rows(records: Records, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    """The first baseline with each further one."""
    pairs = records.arrays["between"]
    for name in BY_IMAGE:
        metric = next(metric for metric in metrics if metric.name == f"{name}_between_baselines")
        for (first, other), seen in zip(pairs, records.arrays[metric.name], strict=True):
            if not np.isnan(seen).any():
                measured = MeanOverImages(seen[None], metric.unit == "fraction")
                row = network_row(records.members.iloc[other], metric) | {"level": "pair", "n": len(seen)}
                source = {"source": records.members["member"].iloc[first], "value": float(seen.mean())}
                yield row | source | bounds(measured.of_network(0))


def _some(members: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    return members.iloc[rows].reset_index(drop=True)
