"""The content of a distillation statement, before it is written in any format."""

from dataclasses import dataclass
from typing import Literal

ListName = Literal["retained", "lost", "inherited", "not_known"]

LISTS: dict[ListName, str] = {
    "retained": "Retained",
    "lost": "Lost",
    "inherited": "Inherited",
    "not_known": "Not known",
}
"""The four lists of a statement, with their headings."""


@dataclass(frozen=True)
class Line:
    """One judged line of a statement.

    Attributes:
        evaluation: The name of the evaluation that measured it; its section has this id on the page.
        metric: The name of the metric whose difference is judged; empty for a line that is about no number.
        subject: What the line is about in a few words, such as ``Accuracy``.
        amount: The number in short, such as ``+1.2 points``; empty for a line that is about no number.
        text: The whole line: value, difference with its interval, and what follows from them.
        value: The student's value as stored; NaN if there is none.
        difference: Its difference to the independent baseline; NaN if there is none.
        ci_low: The lower end of the 95% interval of the difference; NaN if there is none.
        ci_high: The upper end.
        baseline: The baseline's value; NaN if there is none.
        teacher: The teacher's value; NaN if there is none.
        unit: The unit of the difference.
        significant: Whether the difference is significant after correction; None where nothing was tested.
    """

    evaluation: str
    metric: str
    subject: str
    amount: str
    text: str
    value: float = float("nan")
    difference: float = float("nan")
    ci_low: float = float("nan")
    ci_high: float = float("nan")
    baseline: float = float("nan")
    teacher: float = float("nan")
    unit: str = ""
    significant: bool | None = None


@dataclass(frozen=True)
class StudentStatement:
    """What a student took over from its teacher.

    Attributes:
        student: The name of the student's method.
        part: The students' architecture and condition, where a study has several; else empty.
        verdict: One sentence.
        retained: At most five lines: what it does better than the independent baseline.
        lost: What it does worse, or what the teacher does better and it does not.
        inherited: Traces of the teacher, faults included, that the independent baseline does not show.
        not_known: What these networks cannot answer.
    """

    student: str
    part: str
    verdict: str
    retained: tuple[Line, ...]
    lost: tuple[Line, ...]
    inherited: tuple[Line, ...]
    not_known: tuple[Line, ...]

    def lines(self, name: ListName) -> tuple[Line, ...]:
        """Return one of the four lists."""
        found: tuple[Line, ...] = getattr(self, name)
        return found


@dataclass(frozen=True)
class Statement:
    """The distillation statement of a run.

    Attributes:
        students: One entry for each student, in the order of the study.
        warnings: Why the networks of this run cannot answer a question, each one sentence: no baseline, one seed,
            networks at chance, masked gradients, a selection on the test set.
        not_asked: The titles of the evaluations that were not made.
    """

    students: tuple[StudentStatement, ...]
    warnings: tuple[str, ...]
    not_asked: tuple[str, ...] = ()
