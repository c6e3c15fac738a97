from collections.abc import Callable
from typing import Any

import pytest

from robustkd.reporting.claims import Judgement

Row = dict[str, Any]
Judge = Callable[..., Judgement]


def measured(metric: str, method: str, value: float, half: float, **others: Any) -> Row:
    about = {"evaluation": "generalization", "metric": metric}
    return {**about, "method": method, "value": value, "half": half, **others}


def gains(sfd: float, overhaul: float, hinton: float, uda: float) -> list[Row]:
    found = {"sfd": sfd, "overhaul": overhaul, "hinton": hinton, "uda": uda}
    return [measured("accuracy_gain", name, value, 0.005) for name, value in found.items()]


def taught(*students: float, half: float = 0.004) -> list[Row]:
    """Teachers of 81%, 82%, …, and the accuracy of the student of each."""
    rows = []
    for place, value in enumerate(students):
        group = {"group": f"cifar_resnet8, teacher t{place}"}
        rows.append(measured("accuracy", "teacher", 0.81 + 0.01 * place, 0.01, **group))
        rows.append(measured("accuracy", "hinton", value, half, **group))
    return rows


CASES = [
    # UDA less Hinton: ±√2 · 0.5 = ±0.7 points
    ("G4", "holds", gains(-0.02, -0.03, 0.01, 0.02)),
    ("G4", "does not hold", gains(0.03, -0.03, 0.01, 0.02)),
    ("G4", "undecided", gains(-0.02, -0.03, 0.01, 0.015)),
    ("G5", "holds", taught(0.80, 0.81, 0.80, 0.75)),
    # five teachers in order: one of 5! orders, p = 1/120
    ("G5", "does not hold", taught(0.75, 0.76, 0.77, 0.78, 0.79)),
    ("G5", "undecided", taught(0.770, 0.771, 0.772, 0.7705)),
]


@pytest.mark.parametrize(("claim", "verdict", "rows"), CASES)
def test_verdict(judge: Judge, claim: str, verdict: str, rows: list[Row]) -> None:
    assert judge(claim, rows).verdict == verdict


@pytest.mark.parametrize(
    ("claim", "rows", "missing"),
    [
        ("G4", gains(0, 0, 0, 0)[2:], "a student of each of sfd, overhaul"),
        ("G5", taught(0.75, 0.76, 0.77), "4 teachers or more of one student by hinton (here 3)"),
    ],
)
def test_not_asked_says_what_is_missing(judge: Judge, claim: str, rows: list[Row], missing: str) -> None:
    assert missing in judge(claim, rows).missing


def test_the_rank_correlation_is_told_with_its_p_value(judge: Judge) -> None:
    evidence = judge("G5", taught(0.75, 0.76, 0.77, 0.78, 0.79)).evidence

    assert "+1.00 (p = 0.01, one-sided)" in evidence
