"""Which network is the foreign source: one that is no teacher of the students."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from robustkd.results.groups import Group, baseline_of, groups_of


@dataclass(frozen=True)
class Foreign:
    """The foreign source.

    Attributes:
        index: Its index among the members.
        kind: What it is, for a sentence: ``a student of another teacher``.
        compared: Whether students can be compared with a baseline that is not the foreign source itself.
    """

    index: int
    kind: str
    compared: bool


def foreign_source(members: pd.DataFrame) -> Foreign | None:
    """Choose the foreign source of a pool.

    A student of another teacher is preferred, because it was trained like the students; then a further independent
    network, so that students and their baseline are both strangers to it; then the only baseline there is.

    Args:
        members: One row per member.

    Returns:
        The foreign source; None if there is neither a control nor a baseline.
    """
    controls = np.flatnonzero(members["role"] == "control")
    groups = groups_of(members)
    if len(controls):
        compared = any(group.who["role"] == "baseline" for group in groups)
        return Foreign(int(controls[0]), "a student of another teacher", compared)
    baselines = [group for group in groups if group.who["role"] == "baseline"]
    if not baselines:
        return None
    several = next((group for group in baselines if len(group.rows) > 1), None)
    if several is not None:
        return Foreign(int(several.rows[-1]), "a second independent baseline", True)
    needed = [id(baseline_of(group, groups)) for group in groups if group.who["role"] == "student"]
    spare: Group | None = next((group for group in baselines if id(group) not in needed), None)
    if spare is not None and len(baselines) > 1:
        return Foreign(int(spare.rows[0]), "an independent network of another architecture", True)
    return Foreign(int(baselines[-1].rows[0]), "the independent baseline itself", len(baselines) > 1)
