"""Tidy results: one row per network, method, or pair, and metric.

A row of level ``network`` is about one trained network; ``method`` about the mean over the seeds of a method; ``pair``
about a source and a target (`member`); ``detail`` about any of these for a `part` of the images or another setting.
"""

from typing import Any

import pandas as pd

from robustkd.results.groups import WHO, Group
from robustkd.results.metric import Metric
from robustkd.statistics.intervals import ROUNDING

COLUMNS = {
    "group": "str",
    "level": "str",
    "member": "str",
    "source": "str",
    "role": "str",
    "method": "str",
    "architecture": "str",
    "condition": "str",
    "seed": "Int64",
    "metric": "str",
    "value": "float64",
    "ci_low": "float64",
    "ci_high": "float64",
    "interval": "str",
    "std": "float64",
    "n_seeds": "Int64",
    "n": "Int64",
    "below_baseline": "boolean",
    "ties_best": "boolean",
    "part": "str",
    "strength": "float64",
    "p_value": "float64",
}
"""Columns and their types.

`group`: the architecture of the students that are compared with each other; `std`: the standard deviation over seeds;
`n`: the number of images; `below_baseline`: significantly worse than the independent baseline; `ties_best`: the best of
students and baselines, or not significantly worse (`results/marks.py` has the rule of both); `part`: the part of the
images or the setting that a row is about, such as a class or a corruption, empty for all images; `strength`: the
strength of that setting, such as an ε or a severity; `p_value`: for a difference, the two-sided
p-value of no difference, before any correction; `interval` names the test.
"""

VOID = "void"
"""The value of the column `interval` if a number is withheld because a validity check failed."""


def tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Turn rows into a table with the columns of `COLUMNS` and their types; rounding errors around 0 become 0."""
    frame = pd.DataFrame(rows).reindex(columns=list(COLUMNS)).astype(COLUMNS)
    numbers = ["value", "ci_low", "ci_high", "std"]
    frame[numbers] = frame[numbers].mask(frame[numbers].abs() < ROUNDING, 0.0)
    return frame


def method_row(group: Group, metric: Metric) -> dict[str, Any]:
    """Return the beginning of a method's row: what identifies it, and the metric."""
    return {
        "level": "method",
        "member": group.method,
        "method": group.method,
        **group.who,
        "metric": metric.name,
        "n_seeds": len(group.rows),
    }


def network_row(member: Any, metric: Metric) -> dict[str, Any]:
    """Return the beginning of a network's row: what identifies it, and the metric."""
    who = {key: member[key] for key in ("member", "method", "seed", *WHO)}
    return {"level": "network", **who, "metric": metric.name, "n_seeds": 1}
