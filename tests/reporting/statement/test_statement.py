"""Statements of whole runs, made of a few rows of results."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from robustkd.reporting.run import Run
from robustkd.reporting.statement import statement_of as statement_from
from robustkd.reporting.statement.content import Statement, StudentStatement
from robustkd.reporting.statement.judged import judged_differences
from robustkd.reporting.trust import trust_in
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.tidy import tidy

SEEDS = 3


def rows_of(
    method: str, role: str, metric: str, value: float, *, half: float = 0.01, p_value: float | None = None, **given: Any
) -> list[dict[str, Any]]:
    """The row of a method, and that of its only network that checks are about."""
    who = {"role": role, "method": method, "architecture": "net", "condition": "clean", "group": ""} | given
    numbers = {"metric": metric, "value": value, "ci_low": value - half, "ci_high": value + half}
    told = {**who, **numbers, "interval": "95%", "p_value": p_value}
    return [
        {**told, "level": "method", "member": method, "n_seeds": SEEDS},
        {**told, "level": "network", "member": f"{method}-0", "seed": 0, "n_seeds": 1},
    ]


def accuracy(student: float, baseline: float, teacher: float, p_value: float) -> pd.DataFrame:
    rows = rows_of("teacher", "teacher", "accuracy", teacher)
    rows += rows_of("baseline", "baseline", "accuracy", baseline) + rows_of("at", "student", "accuracy", student)
    return tidy([*rows, *rows_of("at", "student", "accuracy_gain", student - baseline, p_value=p_value)])


def agreement(student: float, baseline: float, p_value: float) -> pd.DataFrame:
    rows = rows_of("baseline", "baseline", "agreement", baseline) + rows_of("at", "student", "agreement", student)
    return tidy([*rows, *rows_of("at", "student", "agreement_excess", student - baseline, p_value=p_value)])


def run_of(frames: dict[str, pd.DataFrame], checks: tuple[Check, ...] = (), **provenance: Any) -> Run:
    results = tuple(Result(name, frame, checks, {"options": {}}) for name, frame in frames.items())
    trust = {result.evaluation: trust_in(result, results) for result in results}
    return Run(Path("run"), {"name": "test", "members": [], **provenance}, results, trust, {})


def statement_of(run: Run) -> Statement:
    return statement_from(run, judged_differences(run.results, run.trust))


def only_student(run: Run) -> StudentStatement:
    (student,) = statement_of(run).students
    return student


def test_a_better_student_retains_a_share_of_the_teachers_advantage() -> None:
    student = only_student(run_of({"generalization": accuracy(0.86, 0.80, 0.90, 0.001)}))

    (line,) = student.retained
    assert line.text == (
        "Accuracy: 86.0%, +6.0 points [+5.0, +7.0] against the baseline, 60% of the teacher's advantage "
        "(teacher 90.0%)."
    )
    assert (line.evaluation, line.amount, line.significant) == ("generalization", "+6.0 points", True)
    assert student.verdict == "More accurate than the same network trained without a teacher (+6.0 points)."


def test_agreement_above_the_baseline_is_inherited() -> None:
    student = only_student(run_of({"fidelity": agreement(0.8, 0.7, 0.001)}))

    assert [line.subject for line in student.inherited] == ["Agreement with the teacher"]
    assert student.verdict == "Shows a trace of the teacher, the clearest: agreement with the teacher (+10.0 points)."


def test_an_insignificant_difference_is_not_known() -> None:
    student = only_student(run_of({"fidelity": agreement(0.71, 0.7, 0.4)}))

    assert [line.significant for line in student.not_known] == [False]
    assert student.inherited == ()
    assert student.verdict == "No significant trace of the teacher."


def test_a_student_is_worse_where_the_teacher_is_worse_too_by_inheritance() -> None:
    student = only_student(run_of({"generalization": accuracy(0.70, 0.80, 0.65, 0.001)}))

    assert [line.text for line in student.inherited] == [
        "Accuracy: 70.0%, −10.0 points [−11.0, −9.0] against the baseline, a fault of the teacher too (teacher 65.0%)."
    ]
    assert student.lost == ()


def test_without_a_baseline_nothing_is_inherited_and_a_warning_says_why() -> None:
    frame = tidy(rows_of("teacher", "teacher", "accuracy", 0.9) + rows_of("at", "student", "accuracy", 0.8))

    statement = statement_of(run_of({"generalization": frame}))

    assert statement.warnings[0].startswith("There is no independent baseline")
    (student,) = statement.students
    assert (student.retained, student.lost, student.inherited) == ((), (), ())
    assert student.verdict.startswith("Nothing can be said to be retained, lost or inherited")


def test_a_failed_check_voids_the_numbers_of_its_network_by_name() -> None:
    check = Check("better than chance", False, "right on 10 of 100 images", "at-0")

    statement = statement_of(run_of({"generalization": accuracy(0.1, 0.8, 0.9, 0.001)}, (check,)))

    (student,) = statement.students
    assert [line.text for line in student.not_known] == [
        "Accuracy: void, because the check “better than chance” failed for at-0."
    ]
    assert student.verdict == "Nothing can be said to be retained, lost or inherited: validity checks failed."
    assert any("No better than chance" in warning and "at-0" in warning for warning in statement.warnings)


@pytest.mark.parametrize(
    ("selection", "warned"),
    [
        ("the last epoch of every training; nothing was selected on the test set", False),
        ("the last epoch; the teacher is the most accurate of 5 seeds on the TEST set", True),
    ],
)
def test_a_choice_on_the_test_set_is_warned_of(selection: str, warned: bool) -> None:
    run = run_of({"generalization": accuracy(0.86, 0.80, 0.90, 0.001)}, selection=selection)

    assert any("test set" in warning for warning in statement_of(run).warnings) is warned


def test_the_correction_for_many_students_decides() -> None:
    """0.03 is below 5 % for one student; for two of them, Holm asks 0.05 / 2 of the smaller p-value."""
    frame = accuracy(0.83, 0.80, 0.85, 0.03)
    twin = frame[frame["method"] == "at"].assign(
        method="sp", member=lambda rows: rows["member"].str.replace("at", "sp")
    )

    alone = only_student(run_of({"generalization": frame}))
    two = statement_of(run_of({"generalization": pd.concat([frame, twin], ignore_index=True)})).students

    assert len(alone.retained) == 1
    assert [student.retained for student in two] == [(), ()]
    assert two[0].not_known[0].text == (
        "Accuracy: 83.0%, +3.0 points [+2.0, +4.0] against the baseline, not significant after correction for the "
        "number of students (teacher 85.0%)."
    )


def test_no_correction_is_named_where_the_test_alone_decides() -> None:
    """The interval excludes 0 and the p-value is 0.06: interval and test may differ, and nothing is corrected for."""
    student = only_student(run_of({"generalization": accuracy(0.83, 0.80, 0.85, 0.06)}))

    (line,) = student.not_known
    assert line.text.endswith("+3.0 points [+2.0, +4.0] against the baseline, not significant (teacher 85.0%).")


def test_every_part_of_a_study_has_its_students() -> None:
    frames = [accuracy(0.86, 0.80, 0.90, 0.001).assign(condition=condition) for condition in ("clean", "noise 0.4")]

    statement = statement_of(run_of({"generalization": pd.concat(frames, ignore_index=True)}))

    assert [(student.student, student.part) for student in statement.students] == [("at", "clean"), ("at", "noise 0.4")]


def test_a_property_is_inherited_in_the_direction_of_the_teacher() -> None:
    def bias(student: float, teacher: float) -> pd.DataFrame:
        rows = rows_of("teacher", "teacher", "shape_bias", teacher) + rows_of("baseline", "baseline", "shape_bias", 0.2)
        rows += rows_of("at", "student", "shape_bias", student)
        return tidy([*rows, *rows_of("at", "student", "shape_bias_gain", student - 0.2, p_value=0.001)])

    towards = only_student(run_of({"shape_bias": bias(0.3, 0.5)}))
    away = only_student(run_of({"shape_bias": bias(0.3, 0.1)}))

    assert [line.text for line in towards.inherited] == [
        "Shape bias: 30.0%, +10.0 points [+9.0, +11.0] against the baseline, towards the teacher's (teacher 50.0%)."
    ]
    assert away.inherited == ()


def calibration(student: float, baseline: float, p_value: float) -> pd.DataFrame:
    rows = rows_of("baseline", "baseline", "ece", baseline) + rows_of("at", "student", "ece", student)
    return tidy([*rows, *rows_of("at", "student", "ece_difference", student - baseline, p_value=p_value)])


def test_the_verdict_names_a_gain_where_accuracy_was_not_asked() -> None:
    student = only_student(run_of({"calibration": calibration(0.02, 0.10, 0.001)}))

    assert student.verdict == "The largest gain: calibration error (ECE) (−8.0 points)."


def test_a_verdict_without_anything_significant_says_so() -> None:
    student = only_student(run_of({"calibration": calibration(0.09, 0.10, 0.6)}))

    assert student.verdict == "No significant difference to the same network trained without a teacher."
