"""The part of the headline about accuracy, and about what is measured on request."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from robustkd.evaluations.transferability.accuracy_rows import FEWEST_NETWORKS
from robustkd.evaluations.transferability.request_rows import TOGETHER
from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import interval, join, quantity
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID

AUTOATTACK = Phrases(
    one="Under AutoAttack, {student} classifies {value} of the images correctly",
    against="against the independent baseline",
    many="Accuracy under AutoAttack against the independent baseline",
    verdicts=("more robust", "no significant difference", "less robust"),
    alone="there is no independent baseline to compare it with",
)


def request_sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Write what accuracy explains, and what further attacks, all students together and AutoAttack found.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.

    Returns:
        Sentences; none about what was not measured.
    """
    valid = frame[frame["interval"] != VOID]
    return [*_explained(valid, metrics), *_further(valid, metrics), *_together(valid, metrics), *_auto(frame, metrics)]


def _explained(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    rows = frame[(frame["metric"] == "explained_by_accuracy") & frame["value"].notna()]
    if rows.empty:
        return []
    row, metric = rows.iloc[0], metrics["explained_by_accuracy"]
    count = int(str(row["part"]).split()[1])
    assert count >= FEWEST_NETWORKS
    known = interval(row["ci_low"], row["ci_high"], metric)
    return [
        f"Across {count} networks, their accuracy explains {quantity(row['value'], metric)} {known} of the variance of "
        f"transfer success from the teacher; chance alone gives {quantity(1 / (count - 1), metric)} on average."
    ]


def _further(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """For each further attack, the differences to the baseline of transfer from the teacher; the means over seeds."""
    rows = frame[(frame["metric"] == "teacher_transfer_excess") & (frame["level"] == "detail")]
    rows = rows[rows["value"].notna() & rows["p_value"].notna()]  # others are over networks
    if rows.empty:
        return []
    metric = metrics["teacher_transfer_excess"]
    told = []
    for part, of_attack in rows.groupby("part", sort=False):
        means = of_attack.groupby("method", sort=False)["value"].mean()
        told.append(f"{part}: {join([f'{name} {quantity(value, metric)}' for name, value in means.items()])}")
    return [f"Transfer from the teacher in excess of the independent baseline's by further attacks: {'; '.join(told)}."]


def _together(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    said = []
    metric, excess = metrics["transfer_success"], metrics["together_excess"]
    shown = frame[(frame["metric"] == metric.name) & (frame["source"] == TOGETHER)].set_index("member")["value"]
    for _, row in frame[(frame["metric"] == excess.name) & frame["value"].notna()].iterrows():
        baseline = str(row["part"]).removeprefix("against ")
        known = interval(row["ci_low"], row["ci_high"], excess) or "(no interval)"
        sign = "+" if row["value"] > 0 else ""
        said.append(
            f"The attack on all students together fools the teacher on {quantity(shown[row['member']], metric)} of the "
            f"images, {sign}{quantity(row['value'], excess)} {known} against {baseline}."
        )
    return said


def _auto(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    found = student_findings(frame, "autoattack_accuracy", "autoattack_gain")
    if not found or np.isnan([each.value for each in found]).all():
        return []
    return findings(found, metrics["autoattack_accuracy"], metrics["autoattack_gain"], AUTOATTACK)
