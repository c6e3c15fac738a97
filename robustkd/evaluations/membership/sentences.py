"""The headline of membership inference."""

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import interval, quantity
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID

CHANCE = 0.5
"""The AUC of a score that says nothing."""


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Say what the teacher remembers, and which students give it away.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.
    """
    score = "lira" if frame[frame["metric"] == "lira_auc_excess"]["value"].notna().any() else "loss"
    phrases = Phrases(
        one=f"with {{student}}, an image that only the teacher saw has the higher score ({_named(score)}) in {{value}} "
        "of all pairs with a test image",
        against="against the independent baseline",
        many=f"AUC of membership ({_named(score)}) against the independent baseline",
        verdicts=("it gives away members", "no significant sign of members", "it hides members"),
        alone="without an independent baseline, it is unknown whether these images are just easier",
    )
    found = student_findings(frame, f"{score}_auc", f"{score}_auc_excess")
    said = findings(found, metrics[f"{score}_auc"], metrics[f"{score}_auc_excess"], phrases)
    return [_of_teacher(frame, metrics), *(f"{sentence[0].upper()}{sentence[1:]}" for sentence in said)]


def _named(score: str) -> str:
    return "LiRA" if score == "lira" else "negative loss"


def _of_teacher(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> str:
    known = frame[(frame["role"] == "teacher") & (frame["level"] == "method") & (frame["interval"] != VOID)]
    known = known[known["value"].notna()].set_index("metric")
    score = "lira" if "lira_auc" in known.index else "loss"
    if f"{score}_auc" not in known.index:
        return "Without the teacher it is unknown whether there are members to give away."
    metric = metrics[f"{score}_auc"]
    value, low, high = (float(known[column][metric.name]) for column in ("value", "ci_low", "ci_high"))
    remembers = low > CHANCE
    judged = "it remembers them" if remembers else "no sign that it remembers them, so there is nothing to pass on"
    bounds = interval(low, high, metric)
    return (
        f"The teacher's own AUC for images that only it was trained on is {quantity(value, metric)} {bounds} "
        f"({_named(score)}; 50% is chance): {judged}."
    )
