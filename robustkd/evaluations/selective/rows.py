"""The risk–coverage curve of each method as rows."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from robustkd.evaluations.selective.observed import CURVE, point
from robustkd.results.groups import groups_of, mean_over_seeds, std_over_seeds
from robustkd.results.measured import Measured, bounds
from robustkd.results.metric import Metric
from robustkd.results.tidy import method_row


def curve_rows(members: pd.DataFrame, measured: Mapping[str, Measured], metric: Metric) -> list[dict[str, Any]]:
    """Return the mean curve over the seeds of each method.

    Args:
        members: One row per network.
        measured: The selective risk of the networks at each coverage, under `point`.
        metric: The metric of the rows.

    Returns:
        Rows of level ``detail``, whose `strength` is the coverage.
    """
    rows = []
    for group in groups_of(members):
        for coverage in CURVE:
            found = measured[point(coverage)]
            own = found.values[group.rows]
            rows.append(
                {
                    **method_row(group, metric),
                    "level": "detail",
                    "strength": coverage,
                    "value": mean_over_seeds(own),
                    "std": std_over_seeds(own),
                    "n": found.images(group.rows),
                    **bounds(found.of_mean(group.rows)),
                }
            )
    return rows
