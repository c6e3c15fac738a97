"""Rows about a part of the images or a setting."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from robustkd.results.measured import Measured
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows


def part_rows(
    members: pd.DataFrame,
    measured: Mapping[str, Measured],
    metrics: tuple[Metric, ...],
    part: str,
    strength: float | None = None,
) -> list[dict[str, Any]]:
    """Lay out each method, and its difference to the baseline, for a part of the images or a setting.

    Args:
        members: One row per network.
        measured: By the name of a metric, its values on that part.
        metrics: The metrics in `measured`, and differences to the baseline of one of them; others are ignored.
        part: The name of the part.
        strength: The strength of the setting, where it has one.

    Returns:
        Rows for `tidy` of the level ``detail``: none of single networks, and none with a mark, because the rule of the
        marks is about whole methods.
    """
    rows = metric_rows(members, measured, metrics)
    unmarked = {"below_baseline": None, "ties_best": None}
    about = {"level": "detail", "part": part} | ({} if strength is None else {"strength": strength})
    return [row | unmarked | about for row in rows if row["level"] == "method"]
