"""The headline of the evaluation of groups."""

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import join, number, quantity
from robustkd.presentation.sentences import FEW_STUDENTS, Phrases, findings
from robustkd.results.metric import Metric
from robustkd.statistics.significance import significant_signs

NAMED = 4
"""The most groups that a sentence names."""

PHRASES = Phrases(
    one="{student} is {value} accurate on its worst group",
    against="against the independent baseline on the baseline's worst group",
    many="Accuracy on the worst group against the independent baseline",
    verdicts=("better", "no significant difference", "worse"),
    alone="without an independent baseline, it is unknown what distillation did to the groups",
)


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Say how each student does on its worst group, and which groups gain and lose.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.
    """
    found = student_findings(frame, "worst_group_accuracy", "worst_group_accuracy_change")
    said = findings(found, metrics["worst_group_accuracy"], metrics["worst_group_accuracy_change"], PHRASES)
    gains = frame[(frame["metric"] == "group_gain") & frame["value"].notna()]
    students = list(dict.fromkeys(gains["method"]))
    if len(students) > FEW_STUDENTS:
        return [*said, _widest(gains, metrics["group_gain"])]
    return [*said, *(_of_student(gains[gains["method"] == name], name, metrics["group_gain"]) for name in students)]


def _of_student(gains: pd.DataFrame, student: str, metric: Metric) -> str:
    signs = significant_signs(gains["value"].tolist(), gains["p_value"].tolist())
    told = [_listed(gains[signs == sign], word, metric) for sign, word in ((1, "higher"), (-1, "lower"))]
    clauses = [clause for clause in told if clause]
    of_all = f"of {len(gains)} groups (Holm)"
    if clauses:
        return (
            f"Against the independent baseline, the accuracy of {student} is significantly {join(clauses)}, {of_all}."
        )
    best, worst = (gains.iloc[place] for place in (gains["value"].argmax(), gains["value"].argmin()))
    return (
        f"{student} gains between {quantity(worst['value'], metric)} ({worst['part']}) and "
        f"{quantity(best['value'], metric)} ({best['part']}) against the independent baseline, significantly in none "
        f"{of_all}."
    )


def _listed(gains: pd.DataFrame, word: str, metric: Metric) -> str:
    if gains.empty:
        return ""
    shown = [f"{row['part']} ({number(row['value'], metric)})" for _, row in gains.head(NAMED).iterrows()]
    more = [f"{len(gains) - NAMED} more"] if len(gains) > NAMED else []
    return f"{word} on {', '.join([*shown, *more])}"


def _widest(gains: pd.DataFrame, metric: Metric) -> str:
    """The student whose gains differ most between groups."""
    ranges = gains.groupby("method", sort=False)["value"].agg(["min", "max"])
    widest = str((ranges["max"] - ranges["min"]).idxmax())
    own = gains[gains["method"] == widest]
    low, high = (own.iloc[place] for place in (own["value"].argmin(), own["value"].argmax()))
    return (
        f"The gain against the independent baseline differs most between groups for {widest}: "
        f"{quantity(low['value'], metric)} on {low['part']}, {quantity(high['value'], metric)} on {high['part']}."
    )
