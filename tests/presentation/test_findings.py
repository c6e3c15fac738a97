from robustkd.presentation.findings import NO_FAIR_BASELINE, NOT_DEFINED, NOT_TRUSTED, student_findings
from robustkd.results.metric import Metric
from robustkd.results.tidy import VOID, network_row, tidy

from ..conftest import members

GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")


def why(*rows: tuple[str, str, str, int | None], gain_interval: str | None = None) -> dict[str, str]:
    """By student, why its accuracy has no difference to a baseline's."""
    accuracy = Metric("accuracy", "Accuracy", "fraction", True, "")
    pool = [row for _, row in members(*rows).iterrows()]
    told = [network_row(member, accuracy) | {"value": 0.5} for member in pool]
    gains = [network_row(member, GAIN) | {"interval": gain_interval} for member in pool if member["role"] == "student"]
    found = student_findings(tidy(told + gains), "accuracy", "gain")
    return {finding.student: finding.why for finding in found}


def test_each_student_says_why_it_has_no_difference() -> None:
    plain, wide = ("baseline", "plain", "small", None), ("baseline", "wide", "big", None)
    at, kd = ("student", "at", "small", None), ("student", "kd", "other", None)

    assert why(at) == {"at": ""}  # no baseline at all: the evaluation says what that means
    assert why(plain, wide, at, kd) == {"at": NOT_DEFINED, "kd": NO_FAIR_BASELINE}
    assert why(plain, at, gain_interval=VOID) == {"at": NOT_TRUSTED}


def test_a_void_value_is_not_a_finding() -> None:
    row = network_row(members(("student", "at", "small", None)).iloc[0], GAIN) | {"interval": VOID}

    assert student_findings(tidy([row]), "gain", "nothing") == []
