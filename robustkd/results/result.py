"""The results of an evaluation: of one pool, and of all pools of a study together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from robustkd.results.records import Check, Records


@dataclass(frozen=True)
class Result:
    """The results of an evaluation.

    Attributes:
        evaluation: The name of the evaluation.
        frame: The tidy results, with the columns of `tidy.COLUMNS`.
        checks: The validity checks.
        settings: Evaluation, version, options.
        notes: What a reader must know about the measurement, by part where a study has several.
    """

    evaluation: str
    frame: pd.DataFrame
    checks: tuple[Check, ...]
    settings: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PartResult:
    """The records of the networks that an evaluation measured together.

    Attributes:
        name: The name of the file of the records, without its suffix.
        key: The hash of all that determines the records.
        condition: The condition that the networks were trained under.
        architecture: The architecture of the students; empty where all parts have the same.
        records: The records.
        selection: For each member the rule that chose its network, as its checkpoint states it; None where it does not.
    """

    name: str
    key: str
    condition: str
    architecture: str
    records: Records
    selection: dict[str, str | None]


@dataclass(frozen=True)
class Slice:
    """Results that are presented together.

    Attributes:
        title: A title that distinguishes them from the other results; empty if there are no others.
        frame: The tidy results.
    """

    title: str
    frame: pd.DataFrame


def slices(frame: pd.DataFrame, *, across_conditions: bool = False) -> list[Slice]:
    """Split tidy results by the students' architecture and by the condition.

    Args:
        frame: Tidy results.
        across_conditions: Whether to keep all conditions in one slice.

    Returns:
        At least one slice, in the order of the frame.
    """
    keys = ["group"] if across_conditions else ["group", "condition"]
    telling = [key for key in keys if frame[key].nunique() > 1]
    if not telling:
        return [Slice("", frame)]
    return [
        Slice(", ".join(map(str, values)), rows.reset_index(drop=True))
        for values, rows in frame.groupby(telling, sort=False)
    ]
