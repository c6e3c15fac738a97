"""The distillation statement: what each student retained, lost and inherited, and what is not known.

`rules.py` says in which list a difference belongs, `judged.py` which differences are looked at.
"""

from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.run import Run
from robustkd.reporting.statement.content import LISTS, Statement, StudentStatement
from robustkd.reporting.statement.judged import JudgedStudents
from robustkd.reporting.statement.rules import chosen
from robustkd.reporting.statement.verdict import verdict_of, warnings_of
from robustkd.reporting.statement.wording import line_of


def statement_of(run: Run, judged: JudgedStudents) -> Statement:
    """State what each student of a run retained, lost and inherited, and what is not known.

    Args:
        run: The run.
        judged: The differences of its students to the baseline; see `judged_differences`.

    Returns:
        The statement, one entry for each student of each part of the study.
    """
    students = tuple(
        StudentStatement(
            student, part, verdict_of(own), **{name: tuple(map(line_of, chosen(own, name))) for name in LISTS}
        )
        for (part, student), own in judged.items()
    )
    return Statement(students, warnings_of(run), _not_asked(run))


def _not_asked(run: Run) -> tuple[str, ...]:
    asked = {result.evaluation for result in run.results} | set(run.damaged)
    return tuple(EVALUATIONS[name].title for name in EVALUATIONS.names() if name not in asked)
