"""Tidy results: one row per network, method, or pair, and metric.

A row of level ``network`` is one trained network; ``method`` is the mean over the seeds of a method; ``pair`` is a
source and a target (`member`); ``detail`` is any of these for a `part` of the images or another way of asking.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

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

WHO = ("role", "architecture", "condition")


@dataclass(frozen=True)
class Group:
    """The networks of one method, which differ in their seed alone.

    Attributes:
        method: Its name.
        who: Role, architecture and condition.
        rows: Where they stand among the members.
        seeds: Their seeds, in that order; None where unknown.
    """

    method: str
    who: dict[str, str]
    rows: np.ndarray
    seeds: tuple[int | None, ...]


def tidy(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Make rows a table of the columns of `COLUMNS`, with their types."""
    return pd.DataFrame(rows).reindex(columns=list(COLUMNS)).astype(COLUMNS)


def groups_of(members: pd.DataFrame) -> list[Group]:
    """Group members into methods, in the order in which they first occur."""
    members = members.reset_index(drop=True)
    found = []
    for (method, *who), rows in members.groupby(["method", *WHO], sort=False):
        seeds = tuple(None if pd.isna(seed) else int(seed) for seed in rows["seed"])
        whose = {key: str(value) for key, value in zip(WHO, who, strict=True)}
        found.append(Group(str(method), whose, rows.index.to_numpy(), seeds))
    return found


def baseline_of(group: Group, groups: list[Group]) -> Group | None:
    """Find the independent network to hold a method against.

    Args:
        group: The method.
        groups: All groups of the pool.

    Returns:
        The baseline of the same condition and architecture; else the only one of that condition; else None.
    """
    condition = group.who["condition"]
    baselines = [other for other in groups if other.who["role"] == "baseline" and other.who["condition"] == condition]
    same = [other for other in baselines if other.who["architecture"] == group.who["architecture"]]
    if same:
        return same[0]
    return baselines[0] if len(baselines) == 1 else None


def with_baselines(members: pd.DataFrame) -> Iterator[tuple[int, int]]:
    """Pair each student's network with the baseline of its own seed, or else with the first one there is.

    Args:
        members: One row per network.

    Yields:
        Where both stand among the members.
    """
    groups = groups_of(members)
    for group in groups:
        baseline = baseline_of(group, groups)
        if group.who["role"] != "student" or baseline is None:
            continue
        of_seed = dict(zip(baseline.seeds, baseline.rows, strict=True))
        for row, seed in zip(group.rows, group.seeds, strict=True):
            yield int(row), int(of_seed.get(seed, baseline.rows[0]))


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
