"""How a row of the results begins, and a rate or a difference of rates in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.measured import bounds, of_test
from robustkd.results.records import Records
from robustkd.statistics.bootstrap import ratio_difference
from robustkd.statistics.intervals import WILSON_IMAGES, wilson
from robustkd.statistics.rates import Counted

Row = dict[str, Any]


def teacher_of(members: pd.DataFrame) -> int | None:
    """Return the index of the teacher among the members; None without one."""
    found = np.flatnonzero(members["role"] == "teacher")
    return int(found[0]) if len(found) else None


def targets_of(records: Records) -> list[int]:
    """Return the indices of the matrix's targets: all members, or, as published, all but the teacher."""
    if bool(records.arrays["teacher_is_target"]):
        return list(range(len(records.members)))
    return others_than_teacher(records.members)


def others_than_teacher(members: pd.DataFrame) -> list[int]:
    """Return the indices of all members but the teacher."""
    return [int(index) for index in np.flatnonzero(members["role"] != "teacher")]


def member_row(members: pd.DataFrame, index: int) -> Row:
    """Begin the row of a network.

    Args:
        members: One row per member.
        index: The index of the network.
    """
    keys = ("member", "role", "method", "architecture", "condition", "seed")
    return {"level": "network", **{key: members[key][index] for key in keys}}


def pair_row(records: Records, source: int, target: int, level: str, metric: str, counted: Counted) -> Row:
    """Write the rate of a source and a target.

    Args:
        records: The records of the evaluation.
        source: The index of the source.
        target: The index of the target.
        level: The level of the row, ``pair`` or ``detail``.
        metric: The name of the metric.
        counted: The images that the rate counts.
    """
    who = member_row(records.members, target) | {"level": level, "source": records.members["member"][source]}
    return who | {"metric": metric} | rate_of(counted)


def rate_of(counted: Counted) -> Row:
    """Write a rate, its Wilson interval and the number of eligible images."""
    return rate(int(counted.events.sum()), int(counted.eligible.sum()))


def rate(events: int, count: int) -> Row:
    """Write a rate, its Wilson interval and the number of eligible images.

    Args:
        events: The number of images with the event.
        count: The number of eligible images.
    """
    if count == 0:
        return {"value": None, "n": 0}
    return {"value": events / count, "n": count, **bounds((wilson(events, count), WILSON_IMAGES), count)}


def difference(first: Counted, second: Counted) -> Row:
    """Write the first rate minus the second, its interval and its test; nothing if either rate is not defined."""
    if not (first.eligible.any() and second.eligible.any()):
        return {}
    count = int((first.eligible | second.eligible).sum())
    return {"value": first.rate - second.rate, "n": count, **of_test(ratio_difference(first, second), count)}
