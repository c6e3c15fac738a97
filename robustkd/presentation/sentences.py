"""Findings as sentences that every evaluation words alike."""

import math
from dataclasses import dataclass

from robustkd.presentation.findings import Finding
from robustkd.presentation.numbers import interval, number, quantity, unit_sign
from robustkd.results.metric import Metric
from robustkd.statistics.significance import differ_from_zero

FEW_STUDENTS = 3


@dataclass(frozen=True)
class Phrases:
    """The words of an evaluation's findings.

    Attributes:
        one: Says one student's value; has the places ``{student}`` and ``{value}``.
        against: What the difference is held against.
        many: Begins the sentence that says all differences of many students.
        verdicts: If the difference is significantly above 0, not significant, significantly below it.
        alone: Said instead where there is no baseline.
    """

    one: str
    against: str
    many: str
    verdicts: tuple[str, str, str]
    alone: str


def findings(found: list[Finding], metric: Metric, difference: Metric, phrases: Phrases) -> list[str]:
    """Say what was found: a sentence for each of a few students, one sentence in all for many.

    Verdicts are corrected for the number of students in their sentence: that on one student follows its interval.

    Args:
        found: One for each student.
        metric: Of the values.
        difference: Of the differences.
        phrases: The words.

    Returns:
        Sentences.
    """
    if len(found) <= FEW_STUDENTS:
        return [_one(finding, metric, difference, phrases) for finding in found]
    said = grouped(found, metric, difference, phrases.verdicts)
    if all(math.isnan(finding.difference) for finding in found):
        reasons = dict.fromkeys(_why_none(finding, phrases) for finding in found)
        return [f"{metric.title} {said}; {'; '.join(reasons)}."]
    return [f"{phrases.many} {said}."]


def grouped(found: list[Finding], metric: Metric, difference: Metric, verdicts: tuple[str, str, str]) -> str:
    """Say all differences in one clause, by verdict, or all values where there is no baseline.

    A verdict needs a difference that is significant among those of the clause (`differ_from_zero`: Holm).

    Args:
        found: One for each student.
        metric: Of the values.
        difference: Of the differences.
        verdicts: If the difference is significantly above 0, not significant, significantly below it.

    Returns:
        A clause such as ``(points): better: at (+1.2); worse: sp (−0.4); not defined: kd``; empty for no students.
    """
    if not found:
        return ""
    defined = [finding for finding in found if not math.isnan(finding.difference)]
    if not defined:
        values = [f"{finding.student} {number(finding.value, metric)}" for finding in found]
        return f"{_in_brackets(metric)}: {', '.join(values)}"
    groups = []
    judged = sorted(zip(defined, _verdicts(defined, verdicts), strict=True), key=lambda pair: -pair[0].difference)
    for verdict in verdicts:
        named = [
            f"{finding.student} ({number(finding.difference, difference)})" for finding, its in judged if its == verdict
        ]
        groups += [f"{verdict}: {', '.join(named)}"] if named else []
    undefined = [finding.student for finding in found if math.isnan(finding.difference)]
    groups += [f"not defined: {', '.join(undefined)}"] if undefined else []
    return f"{_in_brackets(difference)}: {'; '.join(groups)}"


def against_baseline(found: list[Finding]) -> str:
    """Say what `grouped` holds students against; empty where it tells their values for want of any difference."""
    return "" if all(math.isnan(finding.difference) for finding in found) else " against the independent baseline"


def _in_brackets(metric: Metric) -> str:
    return f"({unit_sign(metric)})"


def _one(finding: Finding, metric: Metric, difference: Metric, phrases: Phrases) -> str:
    if math.isnan(finding.value):
        return f"{metric.title} of {finding.student}: not defined here, no image is eligible."
    value = quantity(finding.value, metric)
    sentence = phrases.one.format(student=finding.student, value=value)
    if math.isnan(finding.difference):
        return f"{sentence}; {_why_none(finding, phrases)}."
    return (
        f"{sentence}, {quantity(finding.difference, difference)} {interval(finding.low, finding.high, difference)} "
        f"{phrases.against}: {_verdicts([finding], phrases.verdicts)[0]}."
    )


def _why_none(finding: Finding, phrases: Phrases) -> str:
    return f"{phrases.against} nothing can be told, {finding.why}" if finding.why else phrases.alone


def _verdicts(found: list[Finding], verdicts: tuple[str, str, str]) -> list[str]:
    above, around, below = verdicts
    differ = differ_from_zero(*zip(*((each.difference, each.low, each.high) for each in found), strict=True))
    return [
        (above if each.low > 0 else below) if significant else around
        for each, significant in zip(found, differ, strict=True)
    ]
