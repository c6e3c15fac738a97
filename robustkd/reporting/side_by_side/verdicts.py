"""Which verdicts against the independent baseline changed from run to run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.findings import Finding, student_findings
from robustkd.presentation.numbers import interval, quantity
from robustkd.reporting.run import Run
from robustkd.reporting.side_by_side.content import Who
from robustkd.reporting.side_by_side.matching import Matching, named
from robustkd.reporting.side_by_side.numbers import difference_to_first
from robustkd.results.metric import Metric
from robustkd.results.result import slices
from robustkd.results.tidy import VOID
from robustkd.statistics.significance import significant_signs


@dataclass(frozen=True)
class Judged:
    """A student's difference to the independent baseline in one run.

    Attributes:
        sign: What makes a verdict another one: 1, 0, −1, or None where the number is void.
        words: The verdict.
        row: The row of the difference.
    """

    sign: int | None
    words: str
    row: pd.Series


@dataclass(frozen=True)
class Question:
    """A metric that is judged against the independent baseline.

    Attributes:
        evaluation: The name of the evaluation.
        metric: The metric.
        difference: Its difference to the baseline.
    """

    evaluation: str
    metric: Metric
    difference: Metric

    @property
    def leading(self) -> bool:
        """Whether it is a summary metric of its evaluation."""
        return bool({self.metric.name, self.difference.name} & set(EVALUATIONS[self.evaluation].summary))


def changed_verdicts(
    runs: Sequence[Run], labels: Sequence[str], matching: Matching
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Word the verdicts of each run that are not those of the first run.

    Verdicts follow the rule of the report of a single run: 5 %, corrected for the number of students of the run.

    Args:
        runs: The runs.
        labels: Their names.
        matching: Which methods are the same.

    Returns:
        Sentences on the summary metrics, and sentences on all other metrics.
    """
    leading: list[str] = []
    others: list[str] = []
    trusted: dict[str, list[pd.DataFrame | None]] = {}
    for question in _questions(runs):
        if question.evaluation not in trusted:
            trusted[question.evaluation] = [_trusted(run, question.evaluation) for run in runs]
        judged = [_judged(frame, question, matching) for frame in trusted[question.evaluation]]
        for who, first in judged[0].items():
            for index in range(1, len(runs)):
                other = judged[index].get(who)
                if other is None or other.sign == first.sign:
                    continue
                told = _told(question, who, (labels[0], first), (labels[index], other))
                told += _between(runs[0], runs[index], question, first, other)
                (leading if question.leading else others).append(told)
    return tuple(leading), tuple(others)


def _questions(runs: Sequence[Run]) -> Iterator[Question]:
    """The metrics of the evaluations that the first run shares with another one."""
    others = {result.evaluation for run in runs[1:] for result in run.results}
    for name in (result.evaluation for result in runs[0].results if result.evaluation in others):
        metrics = {metric.name: metric for metric in EVALUATIONS[name].metrics}
        for difference in metrics.values():
            metric = metrics.get(difference.difference_of or "")
            if metric is not None and difference.reference == "baseline":
                yield Question(name, metric, difference)


def _trusted(run: Run, evaluation: str) -> pd.DataFrame | None:
    """The rows of methods, without the numbers of failed checks; None if the run does not have the evaluation."""
    result = run.result(evaluation)
    if result is None:
        return None
    trusted, _ = run.trust[evaluation].withhold(result.frame, EVALUATIONS[evaluation].metrics)
    return trusted[(trusted["level"] == "method") & (trusted["part"].fillna("") == "")]


def _judged(trusted: pd.DataFrame | None, question: Question, matching: Matching) -> dict[Who, Judged]:
    """The verdict of each student, part by part: the correction counts the students of a part."""
    if trusted is None or not (trusted["metric"] == question.difference.name).any():
        return {}
    verdicts: dict[Who, Judged] = {}
    for part in slices(trusted):
        frame = part.frame
        rows = matching.rows(frame[(frame["metric"] == question.difference.name) & (frame["role"] == "student")])
        if not rows:
            continue
        found = student_findings(frame, question.metric.name, question.difference.name)
        signs = significant_signs([each.difference for each in found], [each.p_value for each in found])
        by_name = {each.student: (each, int(sign)) for each, sign in zip(found, signs, strict=True)}
        for who, row in rows.items():
            if row["interval"] == VOID:
                verdicts[who] = Judged(None, "void, because a validity check failed,", row)
            elif row["member"] in by_name and pd.notna(row["p_value"]):
                finding, sign = by_name[row["member"]]
                verdicts[who] = Judged(sign, _words(sign, question.metric, finding), row)
    return verdicts


def _words(sign: int, metric: Metric, finding: Finding) -> str:
    if sign == 0:
        return "no significant difference"
    if metric.higher_is_better is None or finding.few_seeds:
        return "significantly higher" if sign > 0 else "significantly lower"
    return "significantly better" if (sign > 0) == metric.higher_is_better else "significantly worse"


def _told(question: Question, who: Who, *of_runs: tuple[str, Judged]) -> str:
    told = []
    for label, judged in of_runs:
        amount = "" if judged.sign is None else f" ({_amount(judged.row, question.difference)})"
        told.append(f"{judged.words} in {label}{amount}")
    title = EVALUATIONS[question.evaluation].title
    return f"{title}: {named(who)}, {question.metric.title} against the independent baseline: {'; '.join(told)}."


def _amount(row: pd.Series, metric: Metric) -> str:
    bounds = interval(row["ci_low"], row["ci_high"], metric)
    return " ".join(filter(None, (quantity(row["value"], metric), bounds)))


def _between(first: Run, run: Run, question: Question, base: Judged, other: Judged) -> str:
    """Whether the two differences differ: one that is significant and one that is not may be nearly equal."""
    if base.sign is None or other.sign is None:
        return ""
    found = difference_to_first(first, base.row, run, other.row, question.evaluation, question.difference)
    bounds = interval(found.low, found.high, question.difference)
    if not bounds:
        return ""
    verdict = "excludes 0" if found.significant else "includes 0: this alone is no evidence of a change"
    return f" The change is {quantity(found.value, question.difference)}, with an interval {bounds} that {verdict}."
