"""Tidy results: one row per network, method, or pair, and metric.

A row of level ``network`` is one trained network; ``method`` is the mean over the seeds of a method; ``pair`` is a
source and a target (`member`); ``detail`` is any of these for a `part` of the images or another way of asking.
"""

from typing import Any

import pandas as pd

from robustkd.results.groups import WHO, Group
from robustkd.results.metric import Metric

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
    "p_holm": "float64",
}
"""Columns and their types. `group`: the architecture of the students that are compared with each other; `std` is over
seeds; `n` counts images; `below_baseline`: worse than the baseline's value; `ties_best`: the best of students and
baselines, or not significantly worse (paired bootstrap over the same images, Holm); `part`: what part of the images or
which setting a row is about, such as a class or a corruption, empty for all; `strength`: of that setting, an ε or a
severity;
`p_holm`: of no difference to the baseline on the same images (exact McNemar test), adjusted for the number of students
(Holm)."""

VOID = "void"
"""In place of an interval's kind: the number is withheld, for a validity check failed."""


def tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make rows a table of the columns of `COLUMNS`, with their types."""
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS)).astype(COLUMNS)


def method_row(group: Group, metric: Metric) -> dict[str, Any]:
    """Begin the row of a method: who it is and what is measured."""
    return {
        "level": "method",
        "member": group.method,
        "method": group.method,
        **group.who,
        "metric": metric.name,
        "n_seeds": len(group.rows),
    }


def network_row(member: Any, metric: Metric) -> dict[str, Any]:
    """Begin the row of one trained network, likewise."""
    who = {key: member[key] for key in ("member", "method", "seed", *WHO)}
    return {"level": "network", **who, "metric": metric.name, "n_seeds": 1}
