"""The headline of out-of-distribution detection."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.sentences import Phrases, against_baseline, findings, grouped
from robustkd.results.metric import Metric

PHRASES = Phrases(
    one="{student} tells the test images from images of no class with an AUROC of {value} (MSP)",
    against="against the independent baseline",
    many="AUROC of the test images against images of no class (MSP), against the independent baseline",
    verdicts=("better", "no significant difference", "worse"),
    alone="there is no independent baseline to compare it with",
)

VERDICTS = ("more like the teacher", "no significant difference", "less like the teacher")


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Write what was found.

    Args:
        frame: The tidy results.
        metrics: The metrics by name.

    Returns:
        Each student's AUROC and its difference to the baseline's; then the rank correlation of their scores with the
        teacher's, where there is one.
    """
    area, gain = metrics["msp_auroc"], metrics["msp_auroc_gain"]
    alike, excess = metrics["msp_correlation"], metrics["msp_correlation_excess"]
    said = findings(student_findings(frame, area.name, gain.name), area, gain, PHRASES)
    found = student_findings(frame, alike.name, excess.name)
    if found:
        what = f"Rank correlation with the teacher's score on near images of no class{against_baseline(found)}"
        said.append(f"{what} {grouped(found, alike, excess, VERDICTS)}.")
    return said
