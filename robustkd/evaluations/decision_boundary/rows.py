"""From the records of the decision boundary evaluation to tidy rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from robustkd.evaluations.decision_boundary.overlap import boundary_iou, class_iou
from robustkd.results.mean_over_images import MeanOverImages, per_image_rows
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.results.tidy import network_row

Row = dict[str, Any]


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return every row that follows from the records; what intervals cover and `n` counts are planes.

    Args:
        records: The records of the decision boundary evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`.
    """
    members, classes = records.members, records.arrays["classes"]
    teachers = np.flatnonzero(members["role"] == "teacher")
    others = np.flatnonzero(members["role"] != "teacher")
    rows: list[Row] = []
    if len(teachers) and len(others):
        teacher = classes[teachers[0]]
        # the next plane: no plane meets itself, and no number is drawn
        shuffled = np.roll(teacher, 1, axis=0)
        values = {
            "boundary_iou": np.stack([boundary_iou(teacher, classes[row]) for row in others]),
            "boundary_class_iou": np.stack([class_iou(teacher, classes[row]) for row in others]),
            "boundary_iou_shuffled": np.stack([boundary_iou(shuffled, classes[row]) for row in others]),
        }
        rows += per_image_rows(members.iloc[others].reset_index(drop=True), values, metrics)
    rows += _between_rows(members, classes, next(each for each in metrics if each.name.endswith("between_baselines")))
    return [_of_planes(row) for row in rows]


def _between_rows(members: pd.DataFrame, classes: np.ndarray, metric: Metric) -> list[Row]:
    """The first baseline with each further one."""
    baselines = np.flatnonzero(members["role"] == "baseline").tolist()
    rows = []
    for other in baselines[1:]:
        seen = boundary_iou(classes[baselines[0]], classes[other])
        row = network_row(members.iloc[other], metric) | {"level": "pair", "n": len(seen)}
        source = {"source": members["member"].iloc[baselines[0]], "value": float(seen.mean())}
        rows.append(row | source | bounds(MeanOverImages(seen[None]).of_network(0)))
    return rows


def _of_planes(row: Row) -> Row:
    covers = row.get("interval")
    return row | ({"interval": str(covers).replace("test images", "planes")} if covers else {})
