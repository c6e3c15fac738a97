"""From the records of the localisation evaluation to tidy rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.groups import with_baselines
from robustkd.results.mean_over_images import MeanOverImages, per_image_rows
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.results.tidy import network_row

Row = dict[str, Any]

OF_TEACHER = ("map_cosine", "map_cosine_shuffled")
OF_NETWORK = ("deletion_auc", "deletion_gain")


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return every row that follows from the records.

    Args:
        records: The records of the localisation evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`. Images for which the teacher has no map do not count.
    """
    arrays, members = records.arrays, records.members
    eligible = arrays["eligible"]
    others = np.flatnonzero(members["role"] != "teacher")
    rows: list[Row] = []
    if eligible.any():
        of_teacher = {name: arrays[name][others][:, eligible] for name in OF_TEACHER}
        rows += per_image_rows(_some(members, others), of_teacher, metrics)
        rows += _closer_rows(records, metrics)
        rows += _between_rows(records, metrics)
    of_network = {name: arrays[name] for name in OF_NETWORK}
    return [*rows, *per_image_rows(members, of_network, metrics)]


def closer(own: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return for each image 1 where a network's cosine is larger than another's, 0 where smaller, ½ where equal."""
    return np.asarray((np.sign(own - theirs) + 1) / 2)


def _closer_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Each student against the baseline of its seed, and a second baseline against the first."""
    members, eligible = records.members, records.arrays["eligible"]
    cosines = records.arrays["map_cosine"][:, eligible]
    pairs = [*_baseline_pairs(members), *with_baselines(members)]
    if not pairs:
        return []
    seen = np.stack([closer(cosines[own], cosines[baseline]) for own, baseline in pairs])
    chosen = tuple(metric for metric in metrics if metric.name == "map_closer")
    compared = np.array([own for own, _ in pairs])
    return per_image_rows(_some(members, compared), {"map_closer": seen}, chosen)


def _baseline_pairs(members: pd.DataFrame) -> list[tuple[int, int]]:
    baselines = np.flatnonzero(members["role"] == "baseline").tolist()
    return [(other, baselines[0]) for other in baselines[1:]]


def _between_rows(records: Records, metrics: tuple[Metric, ...]) -> Iterator[Row]:
    metric = next(metric for metric in metrics if metric.name == "map_cosine_between_baselines")
    for other, first in _baseline_pairs(records.members):
        seen = records.arrays[metric.name][other][records.arrays["has_map"][first]]
        if len(seen) == 0:
            continue
        row = network_row(records.members.iloc[other], metric) | {"level": "pair", "n": len(seen)}
        source = {"source": records.members["member"].iloc[first], "value": float(seen.mean())}
        yield row | source | bounds(MeanOverImages(seen[None], share=False).of_network(0))


def _some(members: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    return members.iloc[rows].reset_index(drop=True)
