from dataclasses import replace

import pytest

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.findings import Finding
from robustkd.reporting.decides import what_would_decide
from robustkd.reporting.statement.judged import Judged


def judged(student: str, difference: float, half_width: float, sign: int = 0) -> Judged:
    evaluation = EVALUATIONS["generalization"]()
    finding = Finding(student, 0.8, difference, difference - half_width, difference + half_width, 0.5)
    metric, of = evaluation.metric("accuracy_gain"), evaluation.metric("accuracy")
    return Judged(evaluation, metric, of, "quality", finding, sign, 0.8, 0.9, 0, "", None, True)


def test_a_difference_of_half_the_width_of_its_interval_needs_four_times_the_images_and_seeds() -> None:
    said = what_would_decide({("", "at"): [judged("at", 0.01, 0.02)]}, "generalization")

    assert said == (
        "A difference in accuracy of less than about 2.0 points is not seen here. "
        "To find the observed differences, the images and seeds needed are about 4 times for at (+1.0)."
    )


def test_a_difference_near_zero_is_called_too_small_to_be_found() -> None:
    said = what_would_decide({("", "at"): [judged("at", 0.0001, 0.02)]}, "generalization")

    assert said.endswith("too small to be found with any practical number of images and seeds.")


@pytest.mark.parametrize("case", [judged("at", 0.03, 0.02, 1), replace(judged("at", 0.03, 0.02), why_void="a check")])
def test_nothing_is_said_where_nothing_is_open(case: Judged) -> None:
    assert what_would_decide({("", "at"): [case]}, "generalization") == ""


def test_each_part_of_a_study_is_named() -> None:
    parts = {("clean", "at"): [judged("at", 0.01, 0.02)], ("noise", "at"): [judged("at", 0.03, 0.02, 1)]}

    assert what_would_decide(parts, "generalization").startswith("clean: A difference in accuracy")
    assert "noise" not in what_would_decide(parts, "generalization")
