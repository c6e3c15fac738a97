"""The numbers that a requirement can name: every metric of every evaluation, and drops, which have names of their own.

A drop is what a student lost: the reference's value minus the student's, in points, so that a requirement reads
``accuracy_drop <= 0.01``. The reference is the teacher, because whoever replaces a network by a smaller one asks how
much is lost by that; drops against the independent baseline say so in their names.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from robustkd.errors import BadInputError, nearest
from robustkd.evaluations import EVALUATIONS
from robustkd.results.metric import Metric


@dataclass(frozen=True)
class Named:
    """A number that a requirement can name.

    Attributes:
        evaluation: The name of the evaluation.
        metric: The metric whose rows are read.
        shown: The metric as it is shown; another one for a drop.
        drop: ``teacher``: the teacher's value minus the student's; ``baseline``: the difference to the baseline with
            the opposite sign; empty for the metric itself.
    """

    evaluation: str
    metric: Metric
    shown: Metric
    drop: Literal["", "teacher", "baseline"] = ""


DROPS: dict[str, tuple[str, str, Literal["teacher", "baseline"]]] = {
    "accuracy_drop": ("generalization", "accuracy", "teacher"),
    "accuracy_drop_against_baseline": ("generalization", "accuracy_gain", "baseline"),
    "worst_group_drop": ("groups", "worst_group_accuracy", "teacher"),
    "worst_group_drop_against_baseline": ("groups", "worst_group_accuracy_change", "baseline"),
    "worst_class_drop": ("minority", "worst_class_accuracy", "teacher"),
    "minority_drop": ("minority", "minority_accuracy", "teacher"),
    "corruption_accuracy_drop": ("corruption", "corruption_accuracy", "teacher"),
    "worst_case_accuracy_drop": ("transferability", "worst_case_accuracy", "teacher"),
}
"""For each drop its evaluation, the metric, and the reference."""


def named(name: str, evaluations: Collection[str], where: str) -> Named:
    """Find the number that a name means.

    Args:
        name: ``evaluation.metric``, the name of a metric, or a drop.
        evaluations: The evaluations of the run. A metric's name alone is enough where one of them has it.
        where: Where the name stands, for messages.

    Raises:
        BadInputError: There is no such number, or several of that name.
    """
    if name in DROPS:
        return _drop(name)
    evaluation, _, metric = name.rpartition(".")
    if evaluation:
        if evaluation not in EVALUATIONS.names():
            raise BadInputError(
                f"{where}: unknown evaluation {evaluation!r}: {nearest(evaluation, EVALUATIONS.names())}"
            )
        return _of(evaluation, metric, where)
    having = [each for each in EVALUATIONS.names() if metric in _metrics(each)]
    measured = [each for each in having if each in evaluations]
    chosen = measured or having
    if not chosen:
        known = {metric for each in EVALUATIONS.names() for metric in _metrics(each)} | set(DROPS)
        raise BadInputError(f"{where}: unknown metric {name!r}: {nearest(name, known)}")
    if len(chosen) > 1:
        several = " or ".join(f"{each}.{name}" for each in chosen)
        raise BadInputError(f"{where}: {name!r} is measured by several evaluations: write {several}")
    return _of(chosen[0], metric, where)


def _drop(name: str) -> Named:
    evaluation, metric, reference = DROPS[name]
    own = _metrics(evaluation)[metric]
    of = "teacher's" if reference == "teacher" else "independent baseline's"
    title = name.replace("_", " ").capitalize()
    measured = _metrics(evaluation)[own.difference_of or metric]
    meaning = f"The {of} value of {measured.title.lower()} minus the student's."
    return Named(evaluation, own, Metric(name, title, "points", False, meaning), reference)


def _of(evaluation: str, metric: str, where: str) -> Named:
    known = _metrics(evaluation)
    if metric not in known:
        raise BadInputError(f"{where}: {evaluation} has no metric {metric!r}: {nearest(metric, known)}")
    return Named(evaluation, known[metric], known[metric])


def _metrics(evaluation: str) -> dict[str, Metric]:
    return {metric.name: metric for metric in EVALUATIONS[evaluation].metrics}
