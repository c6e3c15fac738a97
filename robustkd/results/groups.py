"""Methods: the networks that differ only in their seed, and the baseline that each is compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from robustkd.roles import control_name

WHO = ("role", "architecture", "condition")


@dataclass(frozen=True)
class Group:
    """The networks of one method, which differ only in their seed.

    Attributes:
        method: The name of the method.
        who: Role, architecture and condition.
        rows: The positions of its networks among the members.
        seeds: Their seeds, in the same order; None where unknown.
    """

    method: str
    who: dict[str, str]
    rows: np.ndarray
    seeds: tuple[int | None, ...]


def groups_of(members: pd.DataFrame) -> list[Group]:
    """Group members into methods, in the order in which they first occur."""
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, named in enumerate(zip(*(members[key] for key in ("method", *WHO)), strict=True)):
        if not any(pd.isna(each) for each in named):
            rows.setdefault(tuple(map(str, named)), []).append(row)
    seeds = [None if pd.isna(seed) else int(seed) for seed in members["seed"]]
    return [
        Group(method, dict(zip(WHO, who, strict=True)), np.array(own), tuple(seeds[row] for row in own))
        for (method, *who), own in rows.items()
    ]


def baseline_of(group: Group, groups: Sequence[Group]) -> Group | None:
    """Find the independent baseline to compare a method with.

    Args:
        group: The method.
        groups: All methods of the pool.

    Returns:
        The baseline of the same condition and architecture; else the only one of that condition; else None.
    """
    condition = group.who["condition"]
    baselines = [other for other in groups if other.who["role"] == "baseline" and other.who["condition"] == condition]
    same = [other for other in baselines if other.who["architecture"] == group.who["architecture"]]
    if same:
        return same[0]
    return baselines[0] if len(baselines) == 1 else None


def control_of(group: Group, groups: Sequence[Group]) -> Group | None:
    """Find the control of a student, which the same method distilled from another teacher.

    Args:
        group: The student.
        groups: All methods of the pool.

    Returns:
        The control of the same condition and architecture that is named after the student; else the only one; else
        None.
    """
    same = [other for other in groups if other.who == {**group.who, "role": "control"}]
    named = [other for other in same if other.method == control_name(group.method)]
    return named[0] if named else same[0] if len(same) == 1 else None


def with_baselines(members: pd.DataFrame) -> Iterator[tuple[int, int]]:
    """Pair each network of a student with the baseline of the same seed, or with the first baseline if there is none.

    Args:
        members: One row per network.

    Yields:
        The positions of both among the members.
    """
    groups = groups_of(members)
    for group in groups:
        baseline = baseline_of(group, groups)
        if group.who["role"] != "student" or baseline is None:
            continue
        of_seed = dict(zip(baseline.seeds, baseline.rows, strict=True))
        for row, seed in zip(group.rows, group.seeds, strict=True):
            yield int(row), int(of_seed.get(seed, baseline.rows[0]))


def mean_over_seeds(values: np.ndarray) -> float | None:
    """Return the mean of what is defined; None where nothing is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None


def std_over_seeds(values: np.ndarray) -> float | None:
    """Return the standard deviation of what is defined (n − 1); None for fewer than two values."""
    defined = values[~np.isnan(values)]
    return float(defined.std(ddof=1)) if len(defined) > 1 else None
