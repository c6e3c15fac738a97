"""The headline of the localisation evaluation."""

from __future__ import annotations

import pandas as pd

from robustkd.presentation.findings import student_findings
from robustkd.presentation.numbers import interval, number, quantity
from robustkd.presentation.sentences import FEW_STUDENTS, Phrases, findings
from robustkd.results.metric import Metric

PHRASES = Phrases(
    one="The maps of {student} have a cosine of {value} with the teacher's",
    against="against the independent baseline",
    many="Cosine of the maps with the teacher's against the independent baseline",
    verdicts=("closer to the teacher", "no significant difference", "further from the teacher"),
    alone="without an independent baseline, it is unknown how much of this is due to the teacher",
)


def sentences(frame: pd.DataFrame, named: dict[str, Metric]) -> list[str]:
    """Write what was found.

    Args:
        frame: The tidy results.
        named: The metrics of the evaluation by name.

    Returns:
        Each student's map similarity; the share of images whose map is closer, where there are few students; what
        chance and two baselines give; and networks whose maps fail the check by deletion.
    """
    cosine, excess = named["map_cosine"], named["map_cosine_excess"]
    said = findings(student_findings(frame, cosine.name, excess.name), cosine, excess, PHRASES)
    return [*said, *_closer(frame, named["map_closer"]), *_chance(frame, named), *_deletion(frame)]


def _closer(frame: pd.DataFrame, metric: Metric) -> list[str]:
    methods = frame[(frame["metric"] == metric.name) & (frame["level"] == "method") & frame["value"].notna()]
    students = methods[methods["role"] == "student"]
    if students.empty or len(students) > FEW_STUDENTS:
        return []
    shares = [
        f"{row['member']} {quantity(row['value'], metric)} {interval(row['ci_low'], row['ci_high'], metric)}".rstrip()
        for _, row in students.iterrows()
    ]
    said = "Share of the images whose map is closer to the teacher's than the baseline's (chance: 50%): "
    said += ", ".join(shares)
    control = methods[methods["role"] == "baseline"]["value"]
    return [f"{said}; a second baseline {quantity(control.mean(), metric)}." if len(control) else f"{said}."]


def _chance(frame: pd.DataFrame, named: dict[str, Metric]) -> list[str]:
    metric = named["map_cosine_shuffled"]
    shuffled = frame[(frame["metric"] == metric.name) & (frame["level"] == "method")]["value"].dropna()
    between = frame[frame["metric"] == "map_cosine_between_baselines"]["value"].dropna()
    said = [f"with the teacher's maps of other images the cosine is {number(shuffled.mean(), metric)}"]
    if len(between):
        said.append(f"two independent baselines have {number(between.mean(), metric)} with each other")
    return [f"For comparison: {'; '.join(said)}."] if len(shuffled) else []


def _deletion(frame: pd.DataFrame) -> list[str]:
    gains = frame[(frame["metric"] == "deletion_gain") & (frame["level"] == "method") & frame["value"].notna()]
    failed = gains[~(gains["ci_low"] > 0)]["member"].tolist()
    if not failed:
        return []
    return [
        f"Deleting what the maps of {', '.join(map(str, failed))} mark does not lower the probability of the class "
        "significantly faster than deleting at random: these maps say little."
    ]
