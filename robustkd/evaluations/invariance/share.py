"""How much of the teacher's difference to the independent baseline a network has taken over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.groups import Group, baseline_of, groups_of
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records
from robustkd.statistics.resampling import Observed, ratio, resampled

CLEAR = 4.0
"""The least sum of squared differences of teacher and baseline, in units of what the choice of images alone gives."""


def share_taken_over(own: np.ndarray, teacher: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Return the slope, through the origin, of the network's differences to the baseline on the teacher's.

    With s, t, i the invariances of network, teacher and baseline under each change: Σ (s − i)(t − i) / Σ (t − i)².

    Args:
        own: The network's invariance under each of P changes, float (..., P).
        teacher: The teacher's.
        baseline: The independent baseline's.

    Returns:
        float64 (...,): 0 for a network as invariant as the baseline, 1 for one as invariant as the teacher; NaN where
        teacher and baseline are equally invariant.
    """
    moved = teacher - baseline
    return ratio(((own - baseline) * moved).sum(axis=-1), (moved**2).sum(axis=-1))


def teacher_shares(records: Records, metrics: tuple[Metric, ...]) -> list[dict[str, Any]]:
    """Lay out the share of each network that has a baseline to start from, and is not the teacher.

    A network of the baseline itself is compared with the others of its group, which tells what chance gives; a single
    one has no share.

    Args:
        records: The records of the evaluation.
        metrics: Its metrics.

    Returns:
        Rows for `tidy`; none without a teacher.
    """
    members, agreed = records.members.reset_index(drop=True), records.arrays["agreed"]
    teacher = np.flatnonzero(members["role"] == "teacher")
    pairs = _with_starts(members)
    if not len(teacher) or not pairs:
        return []
    found = [
        _observed(agreed[row], agreed[teacher[0]], agreed[start].mean(axis=0, dtype=np.float32))
        for row, start in pairs.items()
    ]
    measured = resampled(found, agreed.shape[2])
    return metric_rows(members.iloc[list(pairs)].reset_index(drop=True), measured, metrics)


def teacher_differs(agreed: np.ndarray, teacher: int, start: np.ndarray) -> bool:
    """Return whether teacher and baseline differ by clearly more than the choice of images explains.

    Args:
        agreed: Whether each network's decision stays the same, bool (M, P, N): network, change and image.
        teacher: The place of the teacher.
        start: The places of the baseline's networks.
    """
    return _clear(agreed[teacher].astype(np.float64) - agreed[start].mean(axis=0, dtype=np.float64))


def starts(members: pd.DataFrame) -> dict[int, np.ndarray]:
    """Return for each network but the teacher the places of the baseline that it is compared with."""
    return _with_starts(members.reset_index(drop=True))


def _clear(differences: np.ndarray) -> bool:
    means, images = differences.mean(axis=1), differences.shape[1]
    by_chance = differences.var(axis=1).sum() / images
    return bool((means**2).sum() > CLEAR * by_chance)


def _with_starts(members: pd.DataFrame) -> dict[int, np.ndarray]:
    groups = groups_of(members)
    found = {}
    for group in groups:
        if group.who["role"] == "teacher":
            continue
        for row in group.rows:
            start = _start(int(row), group, groups)
            if start is not None:
                found[int(row)] = start
    return found


def _start(row: int, group: Group, groups: list[Group]) -> np.ndarray | None:
    if group.who["role"] == "baseline":
        others = group.rows[group.rows != row]
        return others if len(others) else None
    baseline = baseline_of(group, groups)
    return None if baseline is None else baseline.rows


def _observed(own: np.ndarray, teacher: np.ndarray, baseline: np.ndarray) -> Observed:
    """The share of one network, from whether decisions stay the same, (P, N)."""
    clear = _clear(teacher.astype(np.float64) - baseline)
    stacked = np.concatenate([own, teacher, baseline]).astype(np.float32).T

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        means = (weights @ stacked).astype(np.float64) / weights.sum(axis=1, keepdims=True)
        values = share_taken_over(*np.split(means, 3, axis=1))
        return {"teacher_share": values if clear else np.full(len(values), np.nan)}

    return Observed(statistics)
