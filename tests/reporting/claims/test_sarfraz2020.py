"""Gains are differences in test accuracy to the independent baseline; every interval is written as value ± half."""

from collections.abc import Callable
from typing import Any

import pytest

from robustkd.reporting.claims import Judgement

Row = dict[str, Any]
Judge = Callable[..., Judgement]


def gain(method: str, value: float, half: float, **others: Any) -> Row:
    about = {"evaluation": "generalization", "metric": "accuracy_gain"}
    return {**about, "method": method, "value": value, "half": half, **others}


def accuracy(method: str, value: float, half: float, **others: Any) -> Row:
    return gain(method, value, half, **others) | {"metric": "accuracy"}


def noisy(rate: int, *rows: Row) -> list[Row]:
    return [{**row, "condition": f"label noise {rate}%"} for row in rows]


def imbalanced(gamma: str, *rows: Row) -> list[Row]:
    return [{**row, "condition": f"imbalance γ={gamma}"} for row in rows]


def sized(method: str, architecture: str, parameters: int) -> Row:
    return {"method": method, "architecture": architecture, "condition": "clean", "parameters": parameters}


SIZES = {"members": [sized("at", "small", 75_000), sized("at", "large", 270_000)]}


def two_sizes(small: float, half: float) -> list[Row]:
    """AT at two sizes; the larger student gains, which must not matter."""
    return [
        gain("at", small, half, architecture="small", group="small"),
        gain("at", 0.05, 0.01, architecture="large", group="large"),
    ]


def self_distilled(value: float, half: float) -> list[Row]:
    return [gain("hinton", value, half), accuracy("teacher", 0.9, 0.01, architecture="cifar_resnet8")]


def four(*values: float, half: float) -> list[Row]:
    methods = ("hinton", "fitnet", "fsp", "dml")
    return noisy(40, *(gain(method, value, half) for method, value in zip(methods, values, strict=True)))


def attention(at: float, rkd: float, sp: float, half: float) -> list[Row]:
    return noisy(20, gain("at", at, half), gain("rkd_a", rkd, half), gain("sp", sp, half))


def one(low_noise: float, high_noise: float) -> list[Row]:
    return noisy(40, gain("one", low_noise, 0.01)) + noisy(60, gain("one", high_noise, 0.01))


def largest(rkd: float, other: float, half: float) -> list[Row]:
    return imbalanced("1", gain("rkd_a", rkd, half), gain("hinton", other, half))


CASES = [
    ("G1", "holds", [gain("hinton", 0.02, 0.01)], {}),
    ("G1", "does not hold", [gain("hinton", -0.02, 0.01)], {}),
    ("G1", "undecided", [gain("hinton", 0.005, 0.01)], {}),
    ("G2", "holds", two_sizes(-0.02, 0.01), SIZES),
    ("G2", "does not hold", two_sizes(0.02, 0.01), SIZES),
    ("G2", "undecided", two_sizes(-0.005, 0.01), SIZES),
    ("G3", "holds", self_distilled(0.02, 0.01), {}),
    ("G3", "does not hold", self_distilled(-0.02, 0.01), {}),
    ("G3", "undecided", self_distilled(0.02, 0.03), {}),
    ("N1", "holds", noisy(40, gain("hinton", 0.08, 0.02)), {}),  # from 6.0 points on, above 5.9
    ("N1", "does not hold", noisy(40, gain("hinton", 0.03, 0.02)), {}),
    ("N1", "undecided", noisy(40, gain("hinton", 0.08, 0.03)), {}),
    # student less teacher: ±√(0.03² + 0.04²) = ±0.05
    ("N2", "holds", noisy(20, accuracy("hinton", 0.86, 0.03), accuracy("teacher", 0.80, 0.04)), {}),
    ("N2", "does not hold", noisy(20, accuracy("hinton", 0.74, 0.03), accuracy("teacher", 0.80, 0.04)), {}),
    ("N2", "undecided", noisy(20, accuracy("hinton", 0.84, 0.03), accuracy("teacher", 0.80, 0.04)), {}),
    # differences of pairs: ±√2 · 0.005 = ±0.0071, so a range of 1.5 points lies within 2.5, one of 2 points does not
    ("N3", "holds", four(0.10, 0.105, 0.11, 0.115, half=0.005), {}),
    ("N3", "does not hold", four(0.10, 0.10, 0.10, 0.20, half=0.005), {}),
    ("N3", "undecided", four(0.10, 0.10, 0.10, 0.12, half=0.005), {}),
    ("N4", "holds", attention(0.0, 0.005, 0.06, half=0.01), {}),
    ("N4", "does not hold", attention(0.09, 0.005, 0.06, half=0.01), {}),
    ("N4", "undecided", attention(0.015, 0.005, 0.06, half=0.01), {}),
    ("N5", "holds", one(0.04, -0.07), {}),
    ("N5", "does not hold", one(0.04, 0.07), {}),
    ("N5", "undecided", one(0.04, -0.005), {}),
    ("I1", "holds", largest(0.02, 0.01, half=0.01), {}),
    ("I1", "does not hold", largest(0.02, 0.09, half=0.01), {}),
    ("I1", "undecided", largest(0.01, 0.01, half=0.01), {}),
    ("I2", "holds", imbalanced("0.6", gain("hinton", 0.02, 0.01), gain("bss", 0.03, 0.01)), {}),
    ("I2", "does not hold", imbalanced("0.6", gain("hinton", 0.02, 0.01), gain("bss", -0.05, 0.01)), {}),
    ("I2", "undecided", imbalanced("0.6", gain("hinton", 0.02, 0.01), gain("bss", 0.0, 0.01)), {}),
]


@pytest.mark.parametrize(("claim", "verdict", "rows", "about"), CASES)
def test_verdict(judge: Judge, claim: str, verdict: str, rows: list[Row], about: Row) -> None:
    judgement = judge(claim, rows, **about)

    assert judgement.verdict == verdict
    assert judgement.evidence
    assert bool(judgement.decides) == (verdict == "undecided")


MISSING = [
    ("G1", [gain("at", 0.1, 0.01)], "a student of hinton"),
    ("G1", noisy(40, gain("hinton", 0.1, 0.01)), "unchanged training data"),
    ("G2", [gain("at", 0.1, 0.01)], "two sizes"),
    ("G3", [gain("hinton", 0.1, 0.01), accuracy("teacher", 0.9, 0.01)], "self-distillation"),
    ("N1", [gain("hinton", 0.1, 0.01)], "label noise at a rate near 0.4"),
    ("N1", noisy(20, gain("hinton", 0.1, 0.01)), "label noise at a rate near 0.4"),
    ("N2", [gain("hinton", 0.1, 0.01)], "label noise at a rate near 0.2, 0.4 or 0.6"),
    ("N3", noisy(20, gain("hinton", 0.1, 0.01), gain("fsp", 0.1, 0.01)), "a student of each of fitnet, dml"),
    ("N4", noisy(20, gain("at", 0.1, 0.01), gain("sp", 0.1, 0.01)), "rkd_d, rkd_a or rkd_da"),
    ("N5", noisy(40, gain("one", 0.1, 0.01)), "label noise at a rate near 0.6"),
    ("I1", [gain("rkd_a", 0.1, 0.01)], "power law"),
    ("I1", imbalanced("1", gain("rkd_a", 0.1, 0.01)), "another method"),
    ("I2", imbalanced("exponential", gain("hinton", 0.1, 0.01)), "power law"),
]


@pytest.mark.parametrize(("claim", "rows", "missing"), MISSING)
def test_not_asked_says_what_is_missing(judge: Judge, claim: str, rows: list[Row], missing: str) -> None:
    judgement = judge(claim, rows)

    assert judgement.verdict == "not asked"
    assert missing in judgement.missing
    assert not judgement.evidence


def test_a_gain_says_value_and_interval_in_points(judge: Judge) -> None:
    evidence = judge("G1", [gain("hinton", 0.02, 0.01)]).evidence

    assert evidence == (
        "Accuracy of Hinton students against the independent baseline: +2.0 points [+1.0, +3.0] (hinton)."
    )


def test_the_noise_that_was_measured_is_named(judge: Judge) -> None:
    assert (
        "label noise 35% per seed"
        in judge("N1", [{**gain("hinton", 0.1, 0.01), "condition": "label noise 35% per seed"}]).evidence
    )


def test_another_kind_of_noise_is_not_the_papers(judge: Judge) -> None:
    flipped = [{**gain("hinton", 0.1, 0.01), "condition": "label noise 40% pair_flip"}]

    assert judge("N1", flipped).verdict == "not asked"


def test_bss_may_fall_below_the_baseline_at_gamma_2(judge: Judge) -> None:
    rows = imbalanced("2", gain("hinton", 0.02, 0.01), gain("bss", -0.05, 0.01))

    assert judge("I2", rows).verdict == "holds"
