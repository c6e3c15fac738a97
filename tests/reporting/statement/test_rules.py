"""In which list of a statement a difference belongs; the rules are those that `rules.py` states."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.findings import Finding
from robustkd.reporting.statement.content import LISTS
from robustkd.reporting.statement.judged import Judged, Kind
from robustkd.reporting.statement.rules import MOST, advantage_lost, chosen, list_of
from robustkd.results.metric import Metric


def judged(
    kind: Kind = "quality",
    *,
    difference: float = 0.02,
    half_width: float = 0.01,
    sign: int = 0,
    apart: int = 0,
    teacher: float = 0.9,
    baseline: float = 0.8,
    higher_is_better: bool | None = True,
    trace: str = "",
    evaluation: str = "generalization",
    why_void: str = "",
) -> Judged:
    metric = Metric("gain", "Gain", "points", higher_is_better, "", difference_of="value", trace=trace)  # type: ignore[arg-type]
    finding = Finding("at", baseline + difference, difference, difference - half_width, difference + half_width, 0.01)
    of = Metric("value", "Value", "fraction", higher_is_better, "")
    asked = EVALUATIONS[evaluation]()
    return Judged(asked, metric, of, kind, finding, sign, baseline, teacher, apart, why_void, None, True)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (judged(sign=1), "retained"),
        (judged(sign=-1), "lost"),
        (judged(sign=-1, apart=-1), "inherited"),  # the teacher has the fault too
        (judged(sign=-1, apart=1), "lost"),
        (judged(sign=1, higher_is_better=False), "lost"),
        (judged(sign=1, higher_is_better=False, apart=1), "inherited"),
        (judged(sign=-1, higher_is_better=False), "retained"),
        (judged(sign=0), "not_known"),
        (judged("trace", sign=1, trace="higher"), "inherited"),
        (judged("trace", sign=-1, trace="higher"), "lost"),
        (judged("trace", sign=-1, trace="lower"), "inherited"),
        (judged("trace", sign=0, trace="higher"), "not_known"),
        (judged("property", sign=1, apart=1, higher_is_better=None), "inherited"),
        (judged("property", sign=-1, apart=-1, higher_is_better=None), "inherited"),
        (judged("property", sign=1, apart=-1, higher_is_better=None), None),
        (judged("property", sign=1, apart=0, higher_is_better=None), None),
        (judged("property", sign=0, apart=1, higher_is_better=None), "not_known"),
        (judged(sign=1, why_void="the check failed"), "not_known"),
        (judged("trace", sign=1, trace="higher", difference=float("nan")), "not_known"),
    ],
)
def test_a_difference_belongs_in_the_list_of_its_rule(case: Judged, expected: str | None) -> None:
    assert list_of(case) == expected


@pytest.mark.parametrize(
    ("difference", "half_width", "expected"),
    [
        (0.02, 0.02, True),  # at most 4 points of the 10 that the teacher is ahead
        (0.02, 0.04, False),  # up to 6 points may have reached the student
        (-0.01, 0.03, True),
    ],
)
def test_an_advantage_is_lost_if_less_than_half_of_it_can_have_reached_the_student(
    difference: float, half_width: float, expected: bool
) -> None:
    case = judged(difference=difference, half_width=half_width, teacher=0.9, baseline=0.8, apart=1)

    assert advantage_lost(case) is expected
    assert list_of(case) == ("lost" if expected else "not_known")


def test_the_advantage_of_a_teacher_with_a_lower_error_is_judged_in_the_same_way() -> None:
    better = judged(difference=-0.02, half_width=0.02, teacher=0.1, baseline=0.2, apart=-1, higher_is_better=False)

    assert advantage_lost(better)
    assert not advantage_lost(replace(better, finding=replace(better.finding, low=-0.06)))


def test_a_list_has_one_line_for_each_evaluation_the_largest_first() -> None:
    cases = [
        judged(sign=1, difference=0.02),
        judged(sign=1, difference=0.05),
        judged(sign=1, difference=0.03, evaluation="fidelity"),
    ]

    found = chosen(cases, "retained")

    assert [(each.evaluation.name, each.finding.difference) for each in found] == [
        ("generalization", 0.05),
        ("fidelity", 0.03),
    ]


def test_what_is_not_known_begins_with_what_is_void_then_with_what_has_no_baseline() -> None:
    cases = [
        judged(),
        judged(difference=float("nan"), evaluation="fidelity"),
        judged(why_void="the check failed", evaluation="calibration"),
    ]

    assert [each.evaluation.name for each in chosen(cases, "not_known")] == [
        "calibration",
        "fidelity",
        "generalization",
    ]


@given(
    st.lists(
        st.builds(
            judged,
            st.sampled_from(["quality", "trace", "property"]),
            difference=st.floats(-1, 1),
            sign=st.sampled_from([-1, 0, 1]),
            apart=st.sampled_from([-1, 0, 1]),
            trace=st.sampled_from(["higher", "lower"]),
            evaluation=st.sampled_from(EVALUATIONS.names()),
        ),
        max_size=40,
    )
)
def test_no_difference_is_in_two_lists_and_no_list_is_long(cases: list[Judged]) -> None:
    lists = {name: chosen(cases, name) for name in LISTS}

    assert all(len(found) <= MOST for found in lists.values())
    placed = [id(each) for found in lists.values() for each in found]
    assert len(placed) == len(set(placed))


def test_a_difference_in_nats_is_compared_relative_to_the_baseline() -> None:
    case = judged(difference=0.3, baseline=2.0)

    assert case.effect == pytest.approx(0.3)  # points: a share of all images
    assert replace(case, metric=replace(case.metric, unit="nats")).effect == pytest.approx(0.15)
