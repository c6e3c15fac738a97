"""The lines of a statement in words."""

import math

from robustkd.presentation.numbers import interval, quantity
from robustkd.reporting.statement.content import Line
from robustkd.reporting.statement.judged import Judged
from robustkd.reporting.statement.rules import advantage_lost
from robustkd.statistics.significance import significant_signs


def line_of(judged: Judged) -> Line:
    """Word a judged difference.

    Args:
        judged: The difference.

    Returns:
        The line: what it is about, the student's value, the difference with its interval, and what follows.
    """
    finding, metric = judged.finding, judged.metric
    absent = judged.absent
    return Line(
        evaluation=judged.evaluation.name,
        metric=metric.name,
        subject=_capitalised(subject_of(judged)),
        amount="" if absent else quantity(finding.difference, metric),
        text=f"{_capitalised(subject_of(judged))}: {_told(judged)}.",
        value=float("nan") if judged.why_void else finding.value,
        difference=float("nan") if absent else finding.difference,
        ci_low=float("nan") if absent else finding.low,
        ci_high=float("nan") if absent else finding.high,
        baseline=judged.baseline,
        teacher=judged.teacher,
        unit=metric.unit,
        significant=None if absent or math.isnan(finding.p_value) else judged.sign != 0,
    )


def subject_of(judged: Judged) -> str:
    """Return what a difference is about in a few words."""
    return judged.metric.subject or judged.of.subject or judged.of.title


def _told(judged: Judged) -> str:
    finding, metric = judged.finding, judged.metric
    if judged.why_void:
        return f"void, because {judged.why_void}"
    value = quantity(finding.value, judged.of)
    if math.isnan(finding.difference):
        return f"{value}; {finding.why or 'without an independent baseline, nothing can be compared'}"
    known = interval(finding.low, finding.high, metric) or "(no interval)"
    against = f"{value}, {quantity(finding.difference, metric)} {known} against the baseline"
    return f"{against}{_what_follows(judged)}{_control(judged)}"


def _what_follows(judged: Judged) -> str:
    teacher = "" if math.isnan(judged.teacher) else f" (teacher {quantity(judged.teacher, judged.of)})"
    if judged.sign == 0:
        if advantage_lost(judged):
            return f", less than half of the teacher's advantage{teacher}"
        (alone,) = significant_signs([judged.finding.difference], [judged.finding.p_value])
        return f", not significant{' after correction for the number of students' if alone else ''}{teacher}"
    gained = judged.sign * judged.better
    if judged.kind == "property":
        return f", towards the teacher's{teacher}"
    if judged.kind == "trace":
        return "" if gained > 0 else ", less like the teacher than an independent network"
    if gained < 0:
        return f", a fault of the teacher too{teacher}" if judged.apart == judged.sign else teacher
    if judged.apart != judged.better:
        return teacher
    share = judged.finding.difference / (judged.teacher - judged.baseline)
    return (
        f", {share:.0%} of the teacher's advantage{teacher}"
        if share < 1
        else f", more than the teacher's advantage{teacher}"
    )


def _control(judged: Judged) -> str:
    """What a student of another teacher shows, where the difference is a trace of this one."""
    finding = judged.over_control
    if finding is None or judged.kind != "trace" or judged.sign * judged.better <= 0:
        return ""
    known = interval(finding.low, finding.high, judged.metric)
    return f"; {quantity(finding.difference, judged.metric)} {known} against a student of another teacher"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
