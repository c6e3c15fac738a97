"""The rules of a statement: in which of its lists a judged difference belongs, and in which order.

Every line is about one difference between a student and its independent baseline, the same network trained without a
teacher. It is significant if its p-value is below 5 % after correction for the number of students (Holm), as
everywhere in a report.

* **Retained**: a quality in which the student is significantly better than the baseline.
* **Lost**: a quality in which it is significantly worse, unless the teacher is clearly worse than the baseline too; or
  in which the teacher is clearly better than the baseline and less than half of that advantage reached the student:
  the interval of the student's gain ends below half of it. A likeness to the teacher that is significantly *below*
  the baseline's is lost, too.
* **Inherited**: a likeness to the teacher that is significantly above the baseline's (a trace); a property, such as
  shape bias, that differs significantly from the baseline's in the direction in which the teacher's clearly differs;
  and a fault of the teacher: a quality in which the student is significantly worse than the baseline, and the
  teacher clearly is, too.
* **Not known**: numbers that a failed check voids, differences that do not exist for want of a baseline, then
  differences that are not significant.

"Clearly" means that the two 95% intervals do not overlap. In each list an evaluation has one line, that of its largest
difference, and a list has at most `MOST` lines: the largest differences first, in shares of the images or relative to
the baseline's value.
"""

from collections.abc import Iterable, Sequence

from robustkd.reporting.statement.content import ListName
from robustkd.reporting.statement.judged import Judged

MOST = 5
"""The largest number of lines in a list."""


def list_of(judged: Judged) -> ListName | None:
    """Return the list that a difference belongs in; None for a property that moves away from the teacher's."""
    if judged.absent:
        return "not_known"
    if judged.kind == "trace":
        return {1: "inherited", 0: "not_known", -1: "lost"}[judged.sign * judged.better]  # type: ignore[return-value]
    if judged.kind == "property":
        if judged.sign == 0:
            return "not_known"
        return "inherited" if judged.sign == judged.apart else None
    if judged.sign * judged.better > 0:
        return "retained"
    if judged.sign * judged.better < 0:
        return "inherited" if judged.apart == judged.sign else "lost"
    return "lost" if advantage_lost(judged) else "not_known"


def advantage_lost(judged: Judged) -> bool:
    """Return whether less than half of a clear advantage of the teacher over the baseline reached the student."""
    finding, better = judged.finding, judged.better
    if judged.kind != "quality" or judged.sign != 0 or judged.apart != better:
        return False
    advantage = better * (judged.teacher - judged.baseline)
    most = finding.high if better > 0 else -finding.low
    return most < advantage / 2


def chosen(judged: Iterable[Judged], name: ListName) -> list[Judged]:
    """Choose the differences of a list: one for each evaluation, the largest first.

    Args:
        judged: All differences of a student.
        name: The list.

    Returns:
        At most `MOST`.
    """
    belonging = [each for each in judged if list_of(each) == name]
    if name == "not_known":
        return _first_of_each(sorted(belonging, key=_not_known_order))[:MOST]
    return _first_of_each(sorted(belonging, key=lambda each: -each.effect))[:MOST]


def _first_of_each(judged: Sequence[Judged]) -> list[Judged]:
    first: dict[str, Judged] = {}
    for each in judged:
        first.setdefault(each.evaluation.name, each)
    return list(first.values())


def _not_known_order(judged: Judged) -> tuple[bool, bool, bool]:
    """What is void comes first, then what has no baseline; of each evaluation its first metric."""
    return (not judged.why_void, not judged.absent, not judged.primary)
