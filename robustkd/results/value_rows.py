"""Rows of numbers that have no interval over images."""

from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.groups import groups_of, mean_over_seeds, std_over_seeds
from robustkd.results.measured import bounds
from robustkd.results.metric import Metric
from robustkd.results.tidy import method_row, network_row
from robustkd.statistics.intervals import (
    T_SEEDS,
    t_over_seeds,
)


def value_rows(members: pd.DataFrame, values: np.ndarray, metric: Metric) -> list[dict[str, Any]]:
    """Lay out numbers without an interval over images: each network's, and each method's mean and std over seeds.

    Args:
        members: One row per network.
        values: The value of each network, float64 (M,), NaN where absent.
        metric: The metric of the values.

    Returns:
        Rows for `tidy`, without intervals.
    """
    rows = []
    for (_, member), value in zip(members.iterrows(), values, strict=True):
        rows.append(network_row(member, metric) | {"value": float(value)})
    for group in groups_of(members):
        own = values[group.rows]
        rows.append({**method_row(group, metric), "value": mean_over_seeds(own), "std": std_over_seeds(own)})
    return rows


def seed_rows(members: pd.DataFrame, values: np.ndarray, metric: Metric) -> list[dict[str, Any]]:
    """Lay out the mean over three or more seeds with the t-interval of the variation between trainings.

    Args:
        members: One row per network.
        values: The value of each network, float64 (M,).
        metric: The metric of the values.

    Returns:
        Rows for `tidy`, one for each method of three seeds or more.
    """
    rows = []
    for group in groups_of(members):
        own = values[group.rows]
        interval = None if np.isnan(own).any() else t_over_seeds(own)
        if interval is not None:
            row = {**method_row(group, metric), "value": float(own.mean()), "std": std_over_seeds(own)}
            rows.append(row | bounds((interval, T_SEEDS)))
    return rows
