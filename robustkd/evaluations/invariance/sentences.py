"""The headline of the evaluation of invariances."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import interval, join, quantity
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID

PHRASES = Phrases(
    one="{student} decides the same on {value} of the changed images",
    against="against the independent baseline",
    many="Share of the changed images with the same decision, against the independent baseline",
    verdicts=("more invariant", "no significant difference", "less invariant"),
    alone="without an independent baseline, it is unknown whether it moved towards the teacher",
)


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Write what was found.

    Args:
        frame: The tidy results.
        metrics: The metrics by name.

    Returns:
        Each student's invariance and its difference to the baseline's; then the share of the teacher's difference that
        each has taken over, where it is defined.
    """
    value, gain, share = (metrics[name] for name in ("invariance", "invariance_gain", "teacher_share"))
    said = findings(student_findings(frame, value.name, gain.name), value, gain, PHRASES)
    rows = frame[(frame["metric"] == share.name) & (frame["level"] == "method") & (frame["role"] == "student")]
    rows = rows[rows["value"].notna() & (rows["interval"] != VOID)]
    each = [
        f"{row['member']} {quantity(row['value'], share)} {interval(row['ci_low'], row['ci_high'], share)}".rstrip()
        for _, row in rows.iterrows()
    ]
    if each:
        said.append(
            "Share of the teacher's difference to the independent baseline (0%: as invariant as the baseline, 100%: as "
            f"the teacher): {join(each)}."
        )
    return said
