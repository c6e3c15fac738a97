"""Findings as sentences with the same wording in every evaluation.

Whether a difference is significant is decided by the rule of `results/marks.py`, which also sets the marks of the
tables. Where the student or its baseline has a single seed, nothing is ranked: the sentence is about these networks,
and says higher or lower instead of better or worse.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from robustkd.presentation.findings import Finding, student_findings
from robustkd.presentation.numbers import interval, number, quantity, unit_sign
from robustkd.results.marks import SEEDS_TO_RANK
from robustkd.results.metric import Metric
from robustkd.statistics.intervals import CONFIDENCE
from robustkd.statistics.significance import significant_signs

FEW_STUDENTS = 3

BETWEEN_NETWORKS = ("significantly higher", "no significant difference", "significantly lower")
"""The verdicts where one side has too few seeds to speak of methods."""

FEW_SEEDS = f"fewer than {SEEDS_TO_RANK} seeds"


@dataclass(frozen=True)
class Phrases:
    """The words of an evaluation's findings.

    Attributes:
        one: The clause with a student's value; has the places ``{student}`` and ``{value}``.
        against: The words that follow a difference and name what the student is compared with.
        many: The start of the sentence that lists the differences of many students.
        verdicts: The verdict if the difference is significantly above 0, not significant, significantly below 0.
        alone: The clause in place of the difference where there is no baseline; may be empty.
    """

    one: str
    against: str
    many: str
    verdicts: tuple[str, str, str]
    alone: str


def findings(found: list[Finding], metric: Metric, difference: Metric, phrases: Phrases) -> list[str]:
    """Word the findings: a sentence for each of a few students, one sentence in all for many.

    Verdicts are corrected for the number of students, not for the number of sentences.

    Args:
        found: One finding for each student.
        metric: The metric of the values.
        difference: The metric of the differences.
        phrases: The words.

    Returns:
        Sentences.
    """
    if len(found) <= FEW_STUDENTS:
        signs = _signs(found)
        judged = sum(not math.isnan(finding.p_value) for finding in found)
        return [
            _one(finding, metric, difference, _verdict(finding, sign, judged, phrases), phrases)
            for finding, sign in zip(found, signs, strict=True)
        ]
    said = grouped(found, metric, difference, phrases.verdicts)
    if all(math.isnan(finding.difference) for finding in found):
        reasons = filter(None, dict.fromkeys(_why_none(finding, phrases) for finding in found))
        return [f"{'; '.join((_beside(metric.title, said), *reasons))}."]
    return [f"{_beside(phrases.many, said)}."]


def grouped(found: list[Finding], metric: Metric, difference: Metric, verdicts: tuple[str, str, str]) -> str:
    """List all differences in one clause, by verdict, or all values where there is no baseline.

    Differences with too few seeds on one side come in a separate list, in the order of the pool.

    Args:
        found: One finding for each student.
        metric: The metric of the values.
        difference: The metric of the differences.
        verdicts: The verdict if the difference is significantly above 0, not significant, significantly below 0.

    Returns:
        A clause such as ``(points): better: at (+1.2); worse: sp (−0.4); not defined: kd``; empty for no students.
    """
    if not found:
        return ""
    if all(math.isnan(finding.difference) for finding in found):
        values = [f"{finding.student} {number(finding.value, metric)}" for finding in found]
        return f"{_in_brackets(metric)}: {', '.join(values)}"
    judged = [pair for pair in zip(found, _signs(found), strict=True) if not math.isnan(pair[0].difference)]
    methods = sorted((pair for pair in judged if not pair[0].few_seeds), key=lambda pair: -pair[0].difference)
    networks = [pair for pair in judged if pair[0].few_seeds]
    groups = _by_verdict(methods, verdicts, difference)
    of_networks = _by_verdict(networks, BETWEEN_NETWORKS, difference)
    undefined = [finding.student for finding in found if math.isnan(finding.difference)]
    last = [f"not defined: {', '.join(undefined)}"] if undefined else []
    if not groups:
        return f"{_in_brackets(difference)}, {FEW_SEEDS}: {'; '.join([*of_networks, *last])}"
    beside = [f"{FEW_SEEDS}: {'; '.join(of_networks)}"] if of_networks else []
    return f"{_in_brackets(difference)}: {'; '.join([*groups, *beside, *last])}"


def against_baseline(found: list[Finding]) -> str:
    """Return what `grouped` compares students with; empty where it lists values, for want of any difference."""
    return "" if all(math.isnan(finding.difference) for finding in found) else " against the independent baseline"


def generic_sentences(frame: pd.DataFrame, metrics: Sequence[Metric], name: str) -> list[str]:
    """Word each student's value of a metric and its difference to the baseline, for any evaluation.

    Args:
        frame: Tidy results.
        metrics: The metrics of the evaluation.
        name: The metric; if it is a difference itself, the metric that it is a difference of is reported too.

    Returns:
        Sentences.
    """
    named = {metric.name: metric for metric in metrics}
    metric = named[named[name].difference_of or name]
    difference = next((each for each in metrics if each.difference_of == metric.name), None)
    found = student_findings(frame, metric.name, "" if difference is None else difference.name)
    better = {True: ("better", "worse"), False: ("worse", "better"), None: ("higher", "lower")}[metric.higher_is_better]
    title = metric.title.replace("{", "{{").replace("}", "}}")
    phrases = Phrases(
        one=f"{title} of {{student}} is {{value}}",
        against="against the independent baseline",
        many=f"{metric.title} against the independent baseline",
        verdicts=(better[0], "no significant difference", better[1]),
        alone="" if difference is None else "there is no independent baseline to compare it with",
    )
    if difference is None:
        found = [replace(finding, why="") for finding in found]
    return findings(found, metric, difference or metric, phrases)


def _by_verdict(judged: list[tuple[Finding, int]], verdicts: tuple[str, str, str], difference: Metric) -> list[str]:
    groups = []
    for sign, verdict in zip((1, 0, -1), verdicts, strict=True):
        named = [
            f"{finding.student} ({number(finding.difference, difference)})" for finding, its in judged if its == sign
        ]
        groups += [f"{verdict}: {', '.join(named)}"] if named else []
    return groups


def _one(finding: Finding, metric: Metric, difference: Metric, verdict: str, phrases: Phrases) -> str:
    if math.isnan(finding.value):
        return f"{metric.title} of {finding.student} is not defined: no image is eligible."
    student = f"the {finding.student} network" if finding.seeds == 1 else finding.student
    sentence = phrases.one.format(student=student, value=quantity(finding.value, metric))
    sentence = f"T{sentence[1:]}" if sentence.startswith("the ") else sentence
    if math.isnan(finding.difference):
        return f"{'; '.join(filter(None, (sentence, _why_none(finding, phrases))))}."
    known = interval(finding.low, finding.high, difference) or "(no interval)"
    return f"{sentence}, {quantity(finding.difference, difference)} {known} {phrases.against}: {verdict}."


def _verdict(finding: Finding, sign: int, judged: int, phrases: Phrases) -> str:
    above, around, below = phrases.verdicts
    if finding.few_seeds:
        above = below = "a significant difference between these networks"
        around = "no significant difference between these networks"
    verdict = {1: above, 0: around, -1: below}[sign]
    corrected = sign == 0 and finding.p_value < 1 - CONFIDENCE
    return f"{verdict} after correction for {judged} students (Holm)" if corrected and judged > 1 else verdict


def _why_none(finding: Finding, phrases: Phrases) -> str:
    return f"not compared with the independent baseline, because {finding.why}" if finding.why else phrases.alone


def _signs(found: list[Finding]) -> list[int]:
    signs = significant_signs([each.difference for each in found], [each.p_value for each in found])
    return [int(sign) for sign in signs]


def _in_brackets(metric: Metric) -> str:
    """The unit in brackets; nothing for a metric without a unit."""
    unit = unit_sign(metric)
    return f"({unit})" if unit else ""


def _beside(text: str, said: str) -> str:
    """What `grouped` says begins with the unit in brackets, or with a colon."""
    return f"{text}{said}" if said.startswith((":", ",")) else f"{text} {said}"
