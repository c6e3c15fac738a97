from collections.abc import Callable
from typing import Any

import pytest

from robustkd.reporting.claims import Judgement

Row = dict[str, Any]
Judge = Callable[..., Judgement]


def attacked(metric: str, method: str, value: float, half: float, **others: Any) -> Row:
    about = {"evaluation": "transferability", "metric": metric}
    return {**about, "method": method, "value": value, "half": half, **others}


def received(at: float, hinton: float, half: float = 0.01, seeds: int = 3) -> list[Row]:
    found = {"at": at, "hinton": hinton}
    return [attacked("teacher_transfer_excess", name, found[name], half, n_seeds=seeds) for name in found]


def sent(hinton: float, baseline: float, seeds: int = 3) -> list[Row]:
    """Networks that do not vary, each ±3 or ±4 points over images: the difference is ±5 points."""
    found = {"hinton": (hinton, 0.03), "baseline": (baseline, 0.04)}
    return [
        attacked("mean_from_source_others", name, *found[name], level="detail", seed=seed, member=f"{name}-{seed}")
        for name in found
        for seed in range(seeds)
    ] + [attacked("mean_from_source", "hinton", hinton, 0.03, n_seeds=seeds)]


def masked(*values: float, half: float = 0.01) -> list[Row]:
    names = ("hinton", "at", "sp")
    own = [
        attacked("masking", name, value, half, level="detail", member=f"{name}-0", seed=0)
        for name, value in zip(names, values, strict=False)
    ]
    return [*own, attacked("mean_from_source", "hinton", 0.5, 0.1)]


CASES = [
    ("T1", "holds", received(at=0.15, hinton=-0.05)),
    ("T1", "does not hold", received(at=0.15, hinton=0.30)),
    ("T1", "undecided", received(at=0.15, hinton=0.145)),
    ("T1", "undecided", received(at=0.15, hinton=-0.05, seeds=1)),
    ("T2", "holds", sent(hinton=0.60, baseline=0.90)),  # −30 ± 5 points, below −10
    ("T2", "does not hold", sent(hinton=0.90, baseline=0.90)),
    ("T2", "undecided", sent(hinton=0.77, baseline=0.90)),  # −13 ± 5
    ("T2", "undecided", sent(hinton=0.60, baseline=0.90, seeds=1)),
    ("T3", "holds", masked(0.30, -0.10)),
    ("T3", "does not hold", masked(-0.30, -0.10)),
    ("T3", "undecided", masked(0.025, -0.10)),  # from 1.5 to 3.5 points
]


@pytest.mark.parametrize(("claim", "verdict", "rows"), CASES)
def test_verdict(judge: Judge, claim: str, verdict: str, rows: list[Row]) -> None:
    assert judge(claim, rows).verdict == verdict


MISSING = [
    ("T1", received(at=0.1, hinton=0.1)[1:], "a student of at"),
    ("T1", received(at=0.1, hinton=0.1)[:1], "another method"),
    ("T2", received(at=0.1, hinton=0.1), "attacks that can be trusted"),
    ("T3", received(at=0.1, hinton=0.1), "attacks that can be trusted"),
]


@pytest.mark.parametrize(("claim", "rows", "missing"), MISSING)
def test_not_asked_says_what_is_missing(judge: Judge, claim: str, rows: list[Row], missing: str) -> None:
    assert missing in judge(claim, rows).missing


def test_the_attack_that_was_made_is_named(judge: Judge) -> None:
    options = {"attack": {}, "epsilon": 0.031, "steps": 10}

    assert "(PGD, ε = 0.031, 10 steps)" in judge("T3", masked(0.3), options=options).evidence


def test_one_seed_of_each_method_says_how_to_attack_more(judge: Judge) -> None:
    assert "networks is all" in judge("T1", received(at=0.15, hinton=-0.05, seeds=1)).decides


def test_the_teacher_is_no_target(judge: Judge) -> None:
    teacher = attacked("masking", "teacher", 0.5, 0.01, level="detail", seed=0)

    assert judge("T3", [*masked(-0.3), teacher]).verdict == "does not hold"
