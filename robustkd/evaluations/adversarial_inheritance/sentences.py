"""The headline of the adversarial inheritance evaluation."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import join
from robustkd.presentation.sentences import Phrases, findings
from robustkd.presentation.told_apart import Statistic, told_apart_sentences
from robustkd.results.metric import Metric

VERDICTS = (
    "shares more of the teacher's weaknesses",
    "no significant difference",
    "shares fewer of the teacher's weaknesses",
)

CHANGED = Phrases(
    one="Of the images on which attacks on the teacher change its prediction, they change that of {student} on {value}",
    against="against the independent baseline",
    many="Fooling rate by attacks on the teacher (ojha2023's counting) against the independent baseline",
    verdicts=VERDICTS,
    alone="without an independent baseline, it is unknown how much of this any network would share",
)

JOINTLY_CORRECT = Phrases(
    one="Counted among the images that both classify correctly (sarfraz2020), the same attacks fool {student} on "
    "{value}",
    against="against the independent baseline",
    many="Transfer success from the teacher (sarfraz2020's counting) against the independent baseline",
    verdicts=VERDICTS,
    alone="",
)

SPECIFIC = Phrases(
    one="The fooling rate of {student} by the teacher's attacks less that by the foreign source's is {value}",
    against="against the same difference of the independent baseline",
    many="Fooling rate by the teacher's attacks less that by the foreign source's, against the independent baseline",
    verdicts=(
        "shares more with the teacher than with a stranger",
        "no significant difference",
        "shares less with the teacher than with a stranger",
    ),
    alone="",
)

FOOLED = Statistic("fooling_auroc", "is fooled by the teacher's attacks", "are fooled by the teacher's attacks")

FOOLED_LESS_FOREIGN = Statistic(
    "fooling_auroc",
    "is fooled by the teacher's attacks, less by the foreign source's,",
    "are fooled by the teacher's attacks, less by the foreign source's,",
)
"""Where there is a foreign source that fools someone."""


def sentences(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> list[str]:
    """Write what was found.

    Args:
        frame: The tidy results.
        metrics: The metrics of the evaluation, by name.

    Returns:
        For each student, the fooling rate and the transfer success against the baseline's, and whether the two ways of
        counting disagree; the same for the difference between teacher and foreign source; and whether the difference
        tells students from independent networks.
    """
    said = []
    for name, phrases in (("fooling_rate", CHANGED), ("transfer_success", JOINTLY_CORRECT)):
        found = student_findings(frame, name, f"{name}_excess")
        said += findings(found, metrics[name], metrics[f"{name}_excess"], phrases) if found else []
    said += _disagreement(frame)
    if _has(frame, "specific_fooling_excess"):
        found = student_findings(frame, "specific_fooling", "specific_fooling_excess")
        said += findings(found, metrics["specific_fooling"], metrics["specific_fooling_excess"], SPECIFIC)
    statistic = FOOLED_LESS_FOREIGN if _has(frame, "specific_fooling") else FOOLED
    judged = frame[(frame["metric"] == statistic.metric) & frame["p_value"].notna()]
    return said + (told_apart_sentences(judged, statistic) if len(judged) else [])


def _disagreement(frame: pd.DataFrame) -> list[str]:
    """Name the students for which one way of counting finds more, and the other fewer, shared weaknesses."""
    by_counting = [
        frame[(frame["metric"] == name) & (frame["level"] == "method") & frame["value"].notna()]
        .drop_duplicates("member")
        .set_index("member")["value"]
        for name in ("fooling_rate_excess", "transfer_success_excess")
    ]
    both = pd.concat(by_counting, axis=1, join="inner")
    opposite = [
        str(name) for name, (first, second) in zip(both.index, both.to_numpy(), strict=True) if first * second < 0
    ]
    if not opposite:
        return []
    return [f"The two ways of counting have opposite signs for {join(opposite)}."]


def _has(frame: pd.DataFrame, metric: str) -> bool:
    return bool(((frame["metric"] == metric) & frame["value"].notna() & (frame["level"] == "method")).any())
