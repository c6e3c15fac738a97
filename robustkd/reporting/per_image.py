"""The numbers of single images behind a number in a table, where the records of a run hold them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from robustkd.results.storage import PartRecords

OTHER_NAMES = {"accuracy": ("correct",)}
"""Arrays that hold a metric for each image under another name than that of the metric."""

EXACT = 1e-9
"""The mean over images may differ from the stored value by this much, for the order of summation."""


def seen_by(parts: Sequence[PartRecords], row: pd.Series) -> np.ndarray | None:
    """Find the values for each image behind a row that is a mean over networks and images.

    Args:
        parts: The records of the evaluation.
        row: A row of the tidy results.

    Returns:
        An array of shape (networks, images), bool or float; None where no array has the row's value as its mean, as for
        metrics that are not means over images.
    """
    title = ", ".join(str(row[key]) for key in ("group", "condition") if pd.notna(row[key]) and row[key] != "")
    for part in parts:
        if part.title != title:
            continue
        members = part.records.members
        own = np.flatnonzero((members["method"] == row["method"]).to_numpy())
        for name in (str(row["metric"]), *OTHER_NAMES.get(str(row["metric"]), ())):
            values = part.records.arrays.get(name)
            if values is None or values.ndim != 2 or len(values) != len(members) or not len(own):
                continue
            mean = float(values[own].mean(dtype=np.float64))
            if abs(mean - float(row["value"])) < EXACT:
                return np.asarray(values[own])
    return None
