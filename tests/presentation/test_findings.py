import math

import pytest

from robustkd.presentation.findings import NO_FAIR_BASELINE, NOT_DEFINED, Finding
from robustkd.presentation.numbers import interval, join, number, quantity
from robustkd.presentation.sentences import Phrases, against_baseline, findings, grouped
from robustkd.results.metric import Metric

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")
NLL = Metric("nll", "NLL", "nats", False, "")
PHRASES = Phrases(
    "{student} has {value}",
    "against the baseline",
    "Gain over the baseline",
    ("better", "equal", "worse"),
    "no baseline",
)


@pytest.mark.parametrize(
    ("value", "metric", "expected"),
    [
        (0.94321, ACCURACY, "94.3"),
        (0.00621, GAIN, "+0.6"),
        (-0.00621, GAIN, "−0.6"),
        (-0.0001, GAIN, "+0.0"),
        (0.24149, NLL, "0.241"),
        (math.nan, ACCURACY, "–"),
    ],
)
def test_numbers_are_rounded_for_reading(value: float, metric: Metric, expected: str) -> None:
    assert number(value, metric) == expected


def test_quantities_carry_their_unit() -> None:
    assert [quantity(0.5, ACCURACY), quantity(0.01, GAIN), quantity(0.5, NLL)] == ["50.0%", "+1.0 points", "0.500 nats"]


def test_an_interval_is_absent_where_it_is_not_known() -> None:
    assert interval(-0.01, 0.02, GAIN) == "[−1.0, +2.0]"
    assert interval(math.nan, math.nan, GAIN) == ""


def test_lists_read_like_a_sentence() -> None:
    assert [join(["a"]), join(["a", "b"]), join(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("value", "low", "high", "verdict"),
    [(0.02, 0.01, 0.03, "better"), (0.01, -0.01, 0.03, "equal"), (-0.2, -0.3, -0.1, "worse")],
)
def test_the_verdict_follows_from_the_interval(value: float, low: float, high: float, verdict: str) -> None:
    (sentence,) = findings([Finding("at", 0.9, value, low, high)], ACCURACY, GAIN, PHRASES)

    assert sentence.startswith(f"at has 90.0%, {number(value, GAIN)} points [")
    assert sentence.endswith(f"against the baseline: {verdict}.")


def test_without_a_baseline_the_sentence_says_so() -> None:
    (sentence,) = findings([Finding("at", 0.9, math.nan, math.nan, math.nan)], ACCURACY, GAIN, PHRASES)

    assert sentence == "at has 90.0%; no baseline."


def test_many_students_share_one_sentence() -> None:
    found = [Finding(f"m{i}", 0.9, (i - 2) / 100, (i - 2) / 100 - 0.005, (i - 2) / 100 + 0.005) for i in range(5)]

    (sentence,) = findings(found, ACCURACY, GAIN, PHRASES)

    assert sentence == (
        "Gain over the baseline (points): better: m4 (+2.0), m3 (+1.0); equal: m2 (+0.0); worse: m1 (−1.0), m0 (−2.0)."
    )


def test_verdicts_of_one_sentence_are_corrected_for_its_students() -> None:
    """Of five differences that just exclude zero none is significant; one of them alone is."""
    found = [Finding(f"m{i}", 0.9, 0.0105, 0.0005, 0.0205) for i in range(5)]

    assert "equal: m0 (+1.1), m1" in grouped(found, ACCURACY, GAIN, PHRASES.verdicts)
    assert grouped(found[:1], ACCURACY, GAIN, PHRASES.verdicts) == "(points): better: m0 (+1.1)"


def test_a_difference_that_is_not_defined_is_not_called_a_lack_of_a_baseline() -> None:
    nothing = (math.nan, math.nan, math.nan)

    (alone,) = findings([Finding("at", 0.5, *nothing)], ACCURACY, GAIN, PHRASES)
    (undefined,) = findings([Finding("at", 0.5, *nothing, NOT_DEFINED)], ACCURACY, GAIN, PHRASES)

    assert alone == "at has 50.0%; no baseline."
    assert undefined == "at has 50.0%; not compared with the independent baseline, because no image is eligible."


def test_students_whose_difference_is_not_defined_are_named_last() -> None:
    at = Finding("at", 0.5, math.nan, math.nan, math.nan, NOT_DEFINED)
    found = [at, *(Finding(name, 0.9, each, each - 0.01, each + 0.01) for name, each in (("kd", -0.2), ("sp", 0.1)))]

    assert grouped(found, ACCURACY, GAIN, PHRASES.verdicts) == (
        "(points): better: sp (+10.0); worse: kd (−20.0); not defined: at"
    )
    assert against_baseline(found) == " against the independent baseline"
    assert against_baseline([at]) == ""


def test_many_students_without_a_difference_have_each_reason_told_once() -> None:
    nothing = (math.nan, math.nan, math.nan)
    found = [Finding(f"m{place}", 0.9, *nothing, NOT_DEFINED if place else NO_FAIR_BASELINE) for place in range(4)]

    (sentence,) = findings(found, ACCURACY, GAIN, PHRASES)

    assert sentence == (
        "Accuracy (%): m0 90.0, m1 90.0, m2 90.0, m3 90.0; not compared with the independent baseline, because there is "
        "no independent baseline of its architecture; not compared with the independent baseline, because no image is "
        "eligible."
    )
