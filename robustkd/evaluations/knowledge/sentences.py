"""The headline of the knowledge evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import quantity
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID
from robustkd.statistics.significance import significant_signs

NAMED = 5
"""The most classes that a sentence names."""

INHERITED = Phrases(
    one="{student} repeats an error of the teacher on {value} of the test images",
    against="against the independent baseline",
    many="Errors repeated from the teacher against the independent baseline",
    verdicts=("more of the teacher's errors", "no significant difference", "fewer of the teacher's errors"),
    alone="without an independent baseline, it is unknown how many of them are due to the teacher",
)


def sentences(frame: pd.DataFrame, named: dict[str, Metric]) -> list[str]:
    """Word each student's inherited errors, the classes that changed, and the images forgotten and gained.

    Args:
        frame: Tidy results.
        named: The metrics by name.
    """
    found = student_findings(frame, "inherited", "inherited_difference")
    said = findings(found, named["inherited"], named["inherited_difference"], INHERITED) if found else []
    return [*said, *_on_classes(frame, named["class_accuracy_gain"]), *_on_images(frame, named)]


def _on_classes(frame: pd.DataFrame, gain: Metric) -> list[str]:
    """Name the classes whose accuracy changed significantly, in one sentence for all students."""
    rows = frame[(frame["metric"] == gain.name) & (frame["interval"] != VOID)]
    said = [f"{student}: {_changed(own, gain)}" for student, own in rows.groupby("member", sort=False)]
    if not said:
        return []
    return [f"Classes whose accuracy differs significantly from the baseline's, of those tested: {'; '.join(said)}."]


def _changed(rows: pd.DataFrame, gain: Metric) -> str:
    signs = significant_signs(rows["value"].tolist(), rows["p_value"].tolist())
    changed = rows[signs != 0]
    if not len(changed):
        return f"none of {len(rows)}"
    order = np.argsort(-changed["value"].abs().to_numpy(), kind="stable")[:NAMED]
    largest = changed.iloc[order]
    pairs = zip(largest["part"], largest["value"], strict=True)
    names = [f"{name} ({quantity(value, gain, signed=True)})" for name, value in pairs]
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return f"{len(changed)} of {len(rows)}, {', '.join(names)}{more}"


def _on_images(frame: pd.DataFrame, named: dict[str, Metric]) -> list[str]:
    """State the share of images that each student forgets and gains, where there are seeds enough."""
    rows = frame[(frame["level"] == "method") & (frame["interval"] != VOID)].set_index(["metric", "member"])["value"]
    students = [member for metric, member in rows.index if metric == "forgotten"]
    if not students:
        return []
    said = [
        f"{student} forgets {quantity(rows['forgotten', student], named['forgotten'])} and gains "
        f"{quantity(rows['gained', student], named['gained'])}"
        for student in students
    ]
    return [f"Of the test images, by the majority of seeds: {'; '.join(said)}."]
