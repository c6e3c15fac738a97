import math
from dataclasses import replace

import numpy as np
import pytest

from robustkd.presentation.findings import NO_FAIR_BASELINE, NOT_DEFINED, Finding
from robustkd.presentation.numbers import number
from robustkd.presentation.sentences import Phrases, against_baseline, findings, generic_sentences, grouped
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.tidy import tidy

from ..conftest import members

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")
NLL = Metric("nll", "NLL", "nats", False, "")
AT = [("student", "at", "net", seed) for seed in range(3)]
NOTHING = (math.nan, math.nan, math.nan, math.nan)
SURE, UNSURE = 1e-6, 0.5
PHRASES = Phrases(
    "{student} has {value}",
    "against the baseline",
    "Gain over the baseline",
    ("better", "equal", "worse"),
    "no baseline",
)


@pytest.mark.parametrize(
    ("value", "low", "high", "p_value", "verdict"),
    [
        (0.02, 0.01, 0.03, 0.049, "better"),
        (0.01, -0.01, 0.03, 0.051, "equal"),
        (-0.2, -0.3, -0.1, 0.001, "worse"),
    ],
)
def test_the_verdict_follows_from_the_p_value(
    value: float, low: float, high: float, p_value: float, verdict: str
) -> None:
    (sentence,) = findings([Finding("at", 0.9, value, low, high, p_value)], ACCURACY, GAIN, PHRASES)

    assert sentence.startswith(f"at has 90.0%, {number(value, GAIN)} points [")
    assert sentence.endswith(f"against the baseline: {verdict}.")


def test_without_a_baseline_the_sentence_says_so() -> None:
    (sentence,) = findings([Finding("at", 0.9, *NOTHING)], ACCURACY, GAIN, PHRASES)

    assert sentence == "at has 90.0%; no baseline."


def test_many_students_share_one_sentence() -> None:
    found = [
        Finding(f"m{i}", 0.9, (i - 2) / 100, (i - 2) / 100 - 0.005, (i - 2) / 100 + 0.005, UNSURE if i == 2 else SURE)
        for i in range(5)
    ]

    (sentence,) = findings(found, ACCURACY, GAIN, PHRASES)

    assert sentence == (
        "Gain over the baseline (points): better: m4 (+2.0), m3 (+1.0); equal: m2 (+0.0); worse: m1 (−1.0), m0 (−2.0)."
    )


def test_verdicts_of_one_sentence_are_corrected_for_its_students() -> None:
    """Five differences with p-values of 4 % are not significant together; a single one is."""
    found = [Finding(f"m{i}", 0.9, 0.0105, 0.0005, 0.0205, 0.04) for i in range(5)]

    assert "equal: m0 (+1.1), m1" in grouped(found, ACCURACY, GAIN, PHRASES.verdicts)
    assert grouped(found[:1], ACCURACY, GAIN, PHRASES.verdicts) == "(points): better: m0 (+1.1)"


def test_a_difference_that_is_not_defined_is_not_called_a_lack_of_a_baseline() -> None:
    (alone,) = findings([Finding("at", 0.5, *NOTHING)], ACCURACY, GAIN, PHRASES)
    (undefined,) = findings([Finding("at", 0.5, *NOTHING, NOT_DEFINED)], ACCURACY, GAIN, PHRASES)

    assert alone == "at has 50.0%; no baseline."
    assert undefined == "at has 50.0%; not compared with the independent baseline, because no image is eligible."


def test_students_whose_difference_is_not_defined_are_named_last() -> None:
    at = Finding("at", 0.5, *NOTHING, NOT_DEFINED)
    found = [
        at,
        *(Finding(name, 0.9, each, each - 0.01, each + 0.01, SURE) for name, each in (("kd", -0.2), ("sp", 0.1))),
    ]

    assert grouped(found, ACCURACY, GAIN, PHRASES.verdicts) == (
        "(points): better: sp (+10.0); worse: kd (−20.0); not defined: at"
    )
    assert against_baseline(found) == " against the independent baseline"
    assert against_baseline([at]) == ""


def test_for_many_students_without_a_difference_each_reason_is_given_once() -> None:
    found = [Finding(f"m{place}", 0.9, *NOTHING, NOT_DEFINED if place else NO_FAIR_BASELINE) for place in range(4)]

    (sentence,) = findings(found, ACCURACY, GAIN, PHRASES)

    reasons = [f"not compared with the independent baseline, because {why}" for why in (NO_FAIR_BASELINE, NOT_DEFINED)]
    assert sentence == f"Accuracy (%): m0 90.0, m1 90.0, m2 90.0, m3 90.0; {reasons[0]}; {reasons[1]}."


def once(student: str, difference: float, low: float, high: float) -> Finding:
    p_value = UNSURE if low <= 0 <= high else SURE
    return Finding(student, 0.9, difference, low, high, p_value, seeds=1, baseline_seeds=1)


def test_a_sentence_on_a_method_trained_once_is_about_the_networks() -> None:
    found = [once("at", 0.02, 0.01, 0.03), once("kd", -0.01, -0.03, 0.01)]

    assert findings(found, ACCURACY, GAIN, PHRASES) == [
        "The at network has 90.0%, +2.0 points [+1.0, +3.0] against the baseline: "
        "a significant difference between these networks.",
        "The kd network has 90.0%, −1.0 points [−3.0, +1.0] against the baseline: "
        "no significant difference between these networks.",
    ]


def test_against_a_baseline_trained_once_a_method_is_not_ranked_either() -> None:
    (sentence,) = findings([Finding("at", 0.9, 0.02, 0.01, 0.03, SURE, baseline_seeds=1)], ACCURACY, GAIN, PHRASES)

    assert sentence.startswith("at has 90.0%")
    assert sentence.endswith("a significant difference between these networks.")


def test_many_networks_are_listed_in_the_order_of_the_pool_and_not_as_better_or_worse() -> None:
    found = [once(f"m{place}", place / 100, place / 100 - 0.002, place / 100 + 0.002) for place in (1, 0, 3, -2)]

    assert grouped(found, ACCURACY, GAIN, PHRASES.verdicts) == (
        "(points), fewer than 3 seeds: significantly higher: m1 (+1.0), m3 (+3.0); no significant difference: "
        "m0 (+0.0); significantly lower: m-2 (−2.0)"
    )


def test_methods_are_ranked_beside_networks_that_are_not() -> None:
    found = [once("m0", 0.05, 0.04, 0.06), Finding("m1", 0.9, 0.02, 0.01, 0.03, SURE)]

    assert grouped(found, ACCURACY, GAIN, PHRASES.verdicts) == (
        "(points): better: m1 (+2.0); fewer than 3 seeds: significantly higher: m0 (+5.0)"
    )


def test_a_difference_that_correction_makes_insignificant_says_so() -> None:
    found = [Finding("at", 0.9, 0.0105, 0.0005, 0.0205, 0.04), Finding("kd", 0.9, 0.0, -0.01, 0.01, UNSURE)]

    first, second = findings(found, ACCURACY, GAIN, PHRASES)

    assert first.endswith("against the baseline: equal after correction for 2 students (Holm).")
    assert second.endswith("against the baseline: equal.")


def test_a_difference_without_an_interval_is_not_significant() -> None:
    (sentence,) = findings([Finding("at", 0.9, 0.0, math.nan, math.nan, math.nan)], ACCURACY, GAIN, PHRASES)

    assert sentence == "at has 90.0%, +0.0 points (no interval) against the baseline: equal."


def test_the_generic_sentence_names_the_metric_the_value_and_the_difference() -> None:
    pool = members(*(("baseline", "baseline", "net", seed) for seed in (0, 1)), ("student", "at", "net", 0))
    right = np.ones((3, 100), dtype=bool)
    right[:2, :40] = False
    rows = per_image_rows(pool, {"accuracy": right, "nll": right + 0.5}, (ACCURACY, GAIN, NLL))

    (sentence,) = generic_sentences(tidy(rows), (ACCURACY, GAIN, NLL), "gain")
    (alone,) = generic_sentences(tidy(rows), (ACCURACY, GAIN, NLL), "nll")

    assert sentence.startswith("Accuracy of the at network is 100.0%, +40.0 points [")
    assert sentence.endswith("against the independent baseline: a significant difference between these networks.")
    assert alone == "NLL of the at network is 1.500 nats."


def test_the_generic_verdict_follows_the_direction_of_the_metric() -> None:
    pool = members(*(("baseline", "baseline", "net", seed) for seed in range(3)), *AT)
    excess = replace(GAIN, name="nll_excess", unit="nats", higher_is_better=False, difference_of="nll")
    values = np.random.default_rng(0).random((6, 100)) + np.array([[0], [0], [0], [5], [5], [5]])

    (sentence,) = generic_sentences(tidy(per_image_rows(pool, {"nll": values}, (NLL, excess))), (NLL, excess), "nll")

    assert sentence.endswith("against the independent baseline: worse.")


def test_a_metric_without_a_unit_has_no_brackets() -> None:
    slope, difference = Metric("slope", "Slope", "", None, ""), Metric("more", "More", "", None, "", "slope")
    found = [Finding(f"m{i}", 1.5, 0.5, 0.4, 0.6, SURE) for i in range(4)]
    alone = [Finding(f"m{i}", 1.5, *NOTHING) for i in range(4)]

    assert findings(found, slope, difference, PHRASES)[0].startswith("Gain over the baseline: better: m0 (+0.500)")
    assert findings(alone, slope, difference, PHRASES)[0].startswith("Slope: m0 1.500")
