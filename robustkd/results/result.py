"""What an evaluation found: of one pool, and of all pools of a study together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from robustkd.results.records import Check, Records


@dataclass(frozen=True)
class Result:
    """What an evaluation found.

    Attributes:
        evaluation: Its name.
        frame: The tidy results, of the columns of `tidy.COLUMNS`.
        checks: The validity checks.
        settings: Evaluation, version, options.
        notes: What a reader must know of how it was measured, by part where a study has several.
    """

    evaluation: str
    frame: pd.DataFrame
    checks: tuple[Check, ...]
    settings: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PartResult:
    """What an evaluation found of the networks that it looked at together.

    Attributes:
        name: Of the file of its records, without its suffix.
        key: The hash of all that determines it.
        condition: Under which the networks were trained.
        architecture: Of the students; empty where it does not tell parts apart.
        records: What was seen.
        selection: By member, the rule that chose its network, as its checkpoint says it; None where it does not.
    """

    name: str
    key: str
    condition: str
    architecture: str
    records: Records
    selection: dict[str, str | None]


@dataclass(frozen=True)
class Slice:
    """The results that are looked at together.

    Attributes:
        title: What they have in common and the others have not; empty where there are no others.
        frame: The tidy results.
    """

    title: str
    frame: pd.DataFrame


def slices(frame: pd.DataFrame, *, across_conditions: bool = False) -> list[Slice]:
    """Take tidy results apart by the students' architecture and by the condition.

    Args:
        frame: Tidy results.
        across_conditions: Leave the conditions together.

    Returns:
        One slice at least, in the order of the frame.
    """
    keys = ["group"] if across_conditions else ["group", "condition"]
    telling = [key for key in keys if frame[key].nunique() > 1]
    if not telling:
        return [Slice("", frame)]
    return [
        Slice(", ".join(map(str, values)), rows.reset_index(drop=True))
        for values, rows in frame.groupby(telling, sort=False)
    ]
