"""Differences to the independent baseline, judged: the candidates for the lines of a statement."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.presentation.findings import Finding, student_findings
from robustkd.reporting.trust import Trust
from robustkd.results.groups import Group, baseline_of, groups_of
from robustkd.results.metric import Metric
from robustkd.results.result import Result, slices
from robustkd.statistics.significance import significant_signs

Kind = Literal["quality", "trace", "property"]
"""``quality``: one direction is better; ``trace``: one direction is more like the teacher; ``property``: neither, so
that only the teacher's own value tells which direction leads to it."""


@dataclass(frozen=True)
class Judged:
    """A student's difference to the independent baseline.

    Attributes:
        evaluation: The evaluation that measured it.
        metric: The metric of the difference.
        of: The metric that it is a difference of.
        kind: What the metric tells.
        finding: The student's value and the difference.
        sign: 1 or −1 where the difference is significantly above or below 0 after correction for the number of
            students (Holm), else 0.
        baseline: The baseline's value; NaN if there is none.
        teacher: The teacher's value; NaN if there is none, as for a metric of the likeness to the teacher.
        apart: 1 or −1 where the teacher's value is clearly above or below the baseline's: their 95% intervals do not
            overlap; else 0.
        why_void: The failed check that voids the student's value or the difference; empty where none does.
        over_control: The difference to a student of another teacher, where the pool has one and it is not void.
        primary: Whether the difference is the first one of its evaluation.
    """

    evaluation: Evaluation
    metric: Metric
    of: Metric
    kind: Kind
    finding: Finding
    sign: int
    baseline: float
    teacher: float
    apart: int
    why_void: str
    over_control: Finding | None
    primary: bool

    @property
    def absent(self) -> bool:
        """Whether there is no difference that could be judged."""
        return bool(self.why_void) or math.isnan(self.finding.difference)

    @property
    def better(self) -> int:
        """1 if higher is better, −1 if lower is; for a trace, 1 if higher is more like the teacher; else 0."""
        if self.kind == "quality":
            return 1 if self.metric.higher_is_better else -1
        return 0 if self.kind == "property" else (1 if trace_of(self.metric) == "higher" else -1)

    @property
    def effect(self) -> float:
        """The size of the difference: in shares of all images, or relative to the baseline's value."""
        size = abs(self.finding.difference)
        if self.metric.unit in ("points", "fraction") or not self.baseline:
            return size
        return size / abs(self.baseline)


JudgedStudents = dict[tuple[str, str], list[Judged]]
"""By part of the study and student."""


def judged_differences(results: Sequence[Result], trust: Mapping[str, Trust]) -> JudgedStudents:
    """Judge the main differences to the baseline of every student.

    Args:
        results: The results of all evaluations.
        trust: For each evaluation, what is known about the validity of its numbers.

    Returns:
        By part of the study and student, in the order of the study; the differences in that of the evaluations. A
        student without a baseline has its values, with no difference.
    """
    found: JudgedStudents = {}
    for result in results:
        evaluation = EVALUATIONS[result.evaluation]()
        for part in slices(result.frame):
            frame = part.frame[part.frame["level"] != "detail"]
            trusted, _ = trust[result.evaluation].withhold(frame, evaluation.metrics)
            for index, metric in enumerate(statement_metrics(evaluation)):
                for judged in _of_metric(evaluation, metric, frame, trusted, trust[result.evaluation], index == 0):
                    found.setdefault((part.title, judged.finding.student), []).append(judged)
    return found


def statement_metrics(evaluation: Evaluation) -> list[Metric]:
    """Return the differences to the baseline that stand for an evaluation: those of its summary metrics."""
    return [
        metric
        for metric in evaluation.metrics
        if metric.difference_of is not None
        and metric.reference == "baseline"
        and (metric.name in evaluation.summary or metric.difference_of in evaluation.summary)
        and not (kind_of(metric) == "quality" and metric.higher_is_better is None)
    ]


def kind_of(metric: Metric) -> Kind:
    """Return what a difference to the baseline tells."""
    if trace_of(metric):
        return "trace"
    return "property" if metric.higher_is_better is None and metric.trace != "none" else "quality"


def trace_of(metric: Metric) -> Literal["", "higher", "lower"]:
    """Return which values are more like the teacher's: as declared, else in the direction of better likeness."""
    if metric.trace == "none" or (not metric.trace and not metric.of_teacher):
        return ""
    if metric.trace:
        return metric.trace
    return "lower" if metric.higher_is_better is False else "higher"


def _of_metric(
    evaluation: Evaluation,
    metric: Metric,
    whole: pd.DataFrame,
    trusted: pd.DataFrame,
    trust: Trust,
    primary: bool,
) -> list[Judged]:
    of = evaluation.metric(str(metric.difference_of))
    nothing_void = trusted is whole
    trusted = _with_means_of_pairs(trusted, of.name, metric.name)
    whole = trusted if nothing_void else _with_means_of_pairs(whole, of.name, metric.name)
    findings = student_findings(trusted, of.name, metric.name)
    kept = {finding.student: finding for finding in findings}
    signs = significant_signs([each.difference for each in kept.values()], [each.p_value for each in kept.values()])
    told = dict(zip(kept, signs, strict=True))
    controls = _over_controls(evaluation, of, trusted)
    of_networks = trusted[(trusted["metric"] == of.name) & trusted["level"].isin(["network", "method"])]
    of_networks = of_networks.reset_index(drop=True)
    groups = groups_of(of_networks)
    judged = []
    for finding in findings if nothing_void else student_findings(whole, of.name, metric.name):
        own = kept.get(finding.student, finding)
        void = finding.student not in kept or (math.isnan(own.difference) and not math.isnan(finding.difference))
        why = _why_void(whole, finding.student, (of, metric), trust) if void else ""
        baseline, teacher, apart = _references(of_networks, groups, finding.student)
        sign, over_control = int(told.get(finding.student, 0)), controls.get(finding.student)
        judged.append(
            Judged(
                evaluation, metric, of, kind_of(metric), own, sign, baseline, teacher, apart, why, over_control, primary
            )
        )
    return judged


def _with_means_of_pairs(frame: pd.DataFrame, of: str, difference: str) -> pd.DataFrame:
    """Replace the pairs that differences are about, where a metric has only pairs, by their means over a method."""
    differences = frame[(frame["metric"] == difference) & (frame["level"] == "method")]
    rows = frame[(frame["metric"] == of) & (frame["level"] != "detail")]
    if rows.empty or (rows["level"] != "pair").any():
        return frame
    pairs = rows[rows["source"].isin(differences["source"])]
    keys = ["method", "role", "architecture", "condition", "group"]
    means = pairs.groupby(keys, sort=False, dropna=False).agg(
        value=("value", "mean"), n_seeds=("member", "nunique"), interval=("interval", "first")
    )
    means = means.reset_index().assign(level="method", metric=of)
    others = frame[(frame["level"] != "pair")]
    return pd.concat([others, means.assign(member=means["method"])], ignore_index=True)


def _over_controls(evaluation: Evaluation, of: Metric, trusted: pd.DataFrame) -> dict[str, Finding]:
    """The differences to a student of another teacher, by student."""
    named = [each for each in evaluation.metrics if each.difference_of == of.name and each.reference == "control"]
    found = [finding for metric in named for finding in student_findings(trusted, of.name, metric.name)]
    return {finding.student: finding for finding in found if not math.isnan(finding.difference)}


def _why_void(frame: pd.DataFrame, student: str, metrics: Sequence[Metric], trust: Trust) -> str:
    """The failed check that voids a number of a student, with the network it failed for."""
    rows = frame[(frame["member"] == student) & (frame["level"] != "detail")]
    checks = [
        check
        for metric in metrics
        for _, row in rows[rows["metric"] == metric.name].iterrows()
        for check in trust.voiding(row, metric)
    ]
    if not checks:
        return "a validity check failed"
    return f"the check “{checks[0].name}” failed" + (f" for {checks[0].member}" if checks[0].member else "")


def _references(rows: pd.DataFrame, groups: Sequence[Group], student: str) -> tuple[float, float, int]:
    """The values of the student's baseline and of the teacher, and on which side of the first the second clearly is."""
    own = next((group for group in groups if group.method == student and group.who["role"] == "student"), None)
    baseline = baseline_of(own, groups) if own is not None else None
    below = _one_row(rows.iloc[baseline.rows]) if baseline is not None else None
    above = _one_row(rows[rows["role"] == "teacher"])
    apart = 0
    if below is not None and above is not None:
        apart = int(above["ci_low"] > below["ci_high"]) - int(above["ci_high"] < below["ci_low"])
    values = [np.nan if row is None else float(row["value"]) for row in (below, above)]
    return values[0], values[1], apart


def _one_row(rows: pd.DataFrame) -> pd.Series | None:
    """The row of a method, or of its only network; None for neither."""
    of_method = rows[rows["level"] == "method"]
    chosen = of_method if len(of_method) else rows
    return chosen.iloc[0] if len(chosen) else None
