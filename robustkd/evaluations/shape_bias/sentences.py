"""The headline of the evaluation of shape bias."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import quantity
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.metric import Metric

PHRASES = Phrases(
    one="{student} decides by shape in {value} of its decisions between shape and texture",
    against="against the independent baseline",
    many="Share of decisions by shape against the independent baseline",
    verdicts=("more by shape", "no significant difference", "more by texture"),
    alone="there is no independent baseline to compare it with",
)


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Write what was found.

    Args:
        frame: The tidy results.
        metrics: The metrics by name.

    Returns:
        Each student's shape bias and its difference to the baseline's; then the teacher's, and which images these are.
    """
    bias, gain = metrics["shape_bias"], metrics["shape_bias_gain"]
    said = findings(student_findings(frame, bias.name, gain.name), bias, gain, PHRASES)
    rows = frame[frame["metric"] == bias.name]
    images = rows.loc[rows["level"] == "detail", "part"]
    if not len(images):
        return ["There are no cue conflicts, so there is no shape bias."]
    teacher = rows[(rows["role"] == "teacher") & (rows["level"] == "method") & rows["value"].notna()]
    whose = f"The teacher's share is {quantity(teacher['value'].iloc[0], bias)}; the" if len(teacher) else "The"
    return [*said, f"{whose} cue conflicts are: {images.iloc[0]}."]
