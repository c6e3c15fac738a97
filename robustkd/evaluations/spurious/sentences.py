"""The headline of the evaluation of spurious borders."""

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import quantity
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID

FOLLOWS = 0.25
"""The border effect from which a teacher is said to follow the border."""

PHRASES = Phrases(
    one="{student} follows the border of another class on {value} of the test images",
    against="against the independent baseline",
    many="Decisions that follow the border, against the independent baseline",
    verdicts=("it inherited the shortcut", "no significant sign of the shortcut", "fewer than the baseline"),
    alone="without an independent baseline, it is unknown how much of this came from the teacher",
)


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Say whether there is a shortcut to inherit, and which students inherited it.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.
    """
    found = student_findings(frame, "follows_border", "follows_border_excess")
    said = findings(found, metrics["follows_border"], metrics["follows_border_excess"], PHRASES)
    return [_of_teacher(frame, metrics), *said]


def _of_teacher(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> str:
    teacher = frame[(frame["role"] == "teacher") & (frame["level"] == "method") & (frame["interval"] != VOID)]
    values = teacher.set_index("metric")["value"]
    if "follows_border" not in values or "border_effect" not in values:
        return "Without the teacher it is unknown whether there is a shortcut to inherit."
    strong = values["border_effect"] >= FOLLOWS
    judged = "it has learned the shortcut" if strong else "it hardly follows the border, so there is little to inherit"
    follows = quantity(values["follows_border"], metrics["follows_border"])
    loss = ""
    if "accuracy_loss" in values:
        loss = f", and loses {quantity(values['accuracy_loss'], metrics['accuracy_loss'])} of accuracy"
    return f"The teacher follows the border of another class on {follows} of the test images{loss}: {judged}."
