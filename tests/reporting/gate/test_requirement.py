from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.errors import BadInputError
from robustkd.reporting.gate.requirement import OPERATORS, Requirement, parsed_requirement


def test_a_metric_an_operator_and_a_number_are_a_requirement() -> None:
    assert parsed_requirement("accuracy_drop <= 0.01", "x") == Requirement("accuracy_drop", "<=", 0.01, place="x")


def test_every_part_of_the_form_is_read() -> None:
    found = parsed_requirement("hinton of another teacher: fidelity.agreement.low @ label noise 40% >= 80%", "x")

    expected = Requirement(
        "fidelity.agreement", ">=", 0.8, "low", "hinton of another teacher", "label noise 40%", True, "x"
    )
    assert found == expected


def test_spaces_do_not_matter() -> None:
    assert parsed_requirement(" accuracy>.5 ", "x") == parsed_requirement("accuracy  >  0.5", "x")


def test_a_percent_sign_divides_by_a_hundred() -> None:
    assert parsed_requirement("accuracy == 1.5%", "x").limit == 0.015


def test_a_students_name_may_hold_operators_and_colons() -> None:
    found = parsed_requirement("<b>a:b>= 1</b>:accuracy > 0", "x")

    assert (found.student, found.name, found.operator, found.limit) == ("<b>a:b>= 1</b>", "accuracy", ">", 0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("accuracy", "must be [STUDENT:]METRIC"),
        ("accuracy = 1", "must be [STUDENT:]METRIC"),
        ("<= 1", "must be [STUDENT:]METRIC"),
        ("accuracy <= ", "must be [STUDENT:]METRIC"),
        ("accuracy <= much", "'much' is not a number"),
        ("accuracy <= nan", "'nan' is not a number"),
        ("accuracy <= 1e999", "'1e999' is not a number"),
        ("an accuracy <= 1", "is not [STUDENT:]METRIC"),
        ("a.b.c <= 1", "'a.b.c' must be METRIC or EVALUATION.METRIC"),
    ],
)
def test_what_is_no_requirement_is_refused_in_one_line(text: str, problem: str) -> None:
    with pytest.raises(BadInputError) as raised:
        parsed_requirement(text)

    assert str(raised.value).startswith(f"--require {text!r}: ")
    assert problem in str(raised.value)
    assert "\n" not in str(raised.value)


NAMES = st.from_regex(r"[a-z][a-z_0-9]{0,12}", fullmatch=True).filter(lambda name: name not in ("low", "high"))
STUDENTS = st.text(st.characters(exclude_characters="@\n", exclude_categories=("C", "Z")), max_size=12)
CONDITIONS = st.text(st.characters(exclude_characters="\n", exclude_categories=("C", "Z")), max_size=12)


@given(
    student=STUDENTS.filter(lambda name: not name.startswith(":") and not name.endswith(":")),
    metric=st.one_of(NAMES, st.tuples(NAMES, NAMES).map(".".join)),
    bound=st.sampled_from(["", "low", "high"]),
    condition=CONDITIONS.filter(lambda text: not any(operator in text for operator in "<>=")),
    operator=st.sampled_from(OPERATORS),
    limit=st.floats(allow_nan=False, allow_infinity=False),
    percent=st.booleans(),
)
def test_what_is_written_reads_back_the_same(
    student: str, metric: str, bound: str, condition: str, operator: str, limit: float, percent: bool
) -> None:
    limit = round(limit, 6) if abs(limit) < 1e6 else float(f"{limit:.6g}")
    written = f"{student}:" if student else ""
    written += metric + (f".{bound}" if bound else "") + (f"@{condition}" if condition else "")
    written += f" {operator} {limit!r}" + ("%" if percent else "")

    found = parsed_requirement(written, "x")

    assert (found.student, found.name, found.bound, found.condition) == (student, metric, bound, condition)
    assert (found.operator, found.percent) == (operator, percent)
    assert found.limit == (limit / 100 if percent else limit)
    assert parsed_requirement(str(found), "x").measure == found.measure


@given(st.text(max_size=40))
def test_no_text_raises_any_other_error(text: str) -> None:
    with suppress(BadInputError):
        parsed_requirement(text)
