from collections.abc import Callable
from typing import Any

import pytest

from robustkd.reporting.claims import Judgement

Row = dict[str, Any]
Judge = Callable[..., Judgement]


def fidelity(metric: str, method: str, value: float, half: float, **others: Any) -> Row:
    return {"evaluation": "fidelity", "metric": metric, "method": method, "value": value, "half": half, **others}


def agreement(method: str, value: float, half: float = 0.01, **others: Any) -> Row:
    return fidelity("agreement", method, value, half, **others)


def accuracy(method: str, value: float, half: float = 0.01, **others: Any) -> Row:
    return agreement(method, value, half, **others) | {"evaluation": "generalization", "metric": "accuracy"}


def ensembles(*pairs: tuple[float, float], half: float = 0.01) -> list[Row]:
    """Agreement and KL divergence of the student of 1, 3, … networks."""
    rows = []
    for place, (agrees, kl) in enumerate(pairs):
        members = 2 * place + 1
        group = {"group": f"cifar_resnet8, teacher m{members}"}
        architecture = "cifar_resnet8" if members == 1 else f"ensemble of {members} cifar_resnet8"
        rows.append(accuracy("teacher", 0.9, architecture=architecture, **group))
        rows += [agreement("hinton", agrees, half, **group), fidelity("kl", "hinton", kl, half, **group)]
    return rows


def calibrated(
    *pairs: tuple[float, float], half: float = 0.01, teacher: str = "ensemble of 3 cifar_resnet8"
) -> list[Row]:
    """Agreement and ECE of several students of one ensemble."""
    rows = [accuracy("teacher", 0.9, architecture=teacher)]
    for place, (agrees, ece) in enumerate(pairs):
        rows.append(agreement(f"s{place}", agrees, half))
        rows.append(fidelity("ece", f"s{place}", ece, half, evaluation="calibration"))
    return rows


STUDY = """
students:
- architecture: [cifar_resnet8]
  methods:
    hinton: {}
    rotated: {method: hinton, training: {distillation_data: {rotation: 20}}}
    near: {method: hinton, training: {init: {near_teacher: 0.5}}}
    far: {method: hinton, training: {init: {near_teacher: 0.125}}}
    shared: {method: hinton, training: {init: {shared: true}}}
"""


def member(name: str, **options: Any) -> Row:
    lineage = {"method": "hinton", "options": options, "teacher_job": "1234"}
    return {"method": name, "architecture": "cifar_resnet8", "condition": "clean", "lineage": lineage}


TRAINED = {"study": STUDY, "members": [member(name) for name in ("hinton", "rotated", "near", "far", "shared")]}
TEMPERATURES = {"members": [member("t1", temperature=1), member("t4", temperature=4)]}


def policy(train: float, test: float) -> list[Row]:
    """A rotated student against the usual one, which agrees on 80%; each difference is ±√2 points."""
    return [
        agreement("hinton", 0.8),
        fidelity("agreement_train", "hinton", 0.8, 0.01),
        agreement("rotated", 0.8 + test),
        fidelity("agreement_train", "rotated", 0.8 + train, 0.01),
    ]


def started(near: float, shared: float) -> list[Row]:
    return [
        agreement("hinton", 0.8, 0.005),
        agreement("far", 0.7),
        agreement("near", near),
        agreement("shared", 0.8 + shared, 0.005),
    ]


def tempered(agrees: float, accurate: float) -> list[Row]:
    """T = 4 against T = 1; each difference is ±√2 points."""
    return [
        agreement("t1", 0.6),
        agreement("t4", 0.6 + agrees),
        accuracy("t1", 0.5),
        accuracy("t4", 0.5 + accurate),
    ]


CASES = [
    ("F1", "holds", [agreement("hinton", 0.77)], {}),
    ("F1", "does not hold", [agreement("hinton", 0.98)], {}),
    ("F1", "undecided", [agreement("hinton", 0.955)], {}),
    ("F1", "holds", [agreement("hinton", 0.77, n_seeds=1)], {}),
    ("F2", "holds", [fidelity("agreement_over_control", "hinton", 0.005, 0.01)], {}),
    ("F2", "does not hold", [fidelity("agreement_over_control", "hinton", 0.08, 0.01)], {}),
    ("F2", "undecided", [fidelity("agreement_excess", "hinton", 0.02, 0.01)], {}),
    ("F3", "holds", ensembles((0.70, 0.30), (0.75, 0.20), (0.80, 0.10)), {}),
    ("F3", "does not hold", ensembles((0.70, 0.30), (0.75, 0.20), (0.60, 0.10)), {}),
    ("F3", "undecided", ensembles((0.70, 0.30), (0.75, 0.20), (0.755, 0.10)), {}),
    ("F4", "holds", calibrated((0.9, 0.02), (0.8, 0.10), (0.7, 0.10)), {}),
    ("F4", "does not hold", calibrated((0.9, 0.10), (0.8, 0.02), (0.7, 0.10)), {}),
    ("F4", "undecided", calibrated((0.9, 0.02), (0.8, 0.03), (0.7, 0.10)), {}),
    ("F5", "holds", policy(train=-0.05, test=0.03), TRAINED),
    ("F5", "does not hold", policy(train=0.05, test=0.03), TRAINED),
    ("F5", "undecided", policy(train=-0.05, test=0.01), TRAINED),
    ("F6", "holds", started(near=0.99, shared=0.0), TRAINED),
    ("F6", "does not hold", started(near=0.80, shared=0.0), TRAINED),
    ("F6", "undecided", started(near=0.99, shared=0.02), TRAINED),
    ("F7", "holds", tempered(0.09, 0.03), TEMPERATURES),
    ("F7", "does not hold", tempered(0.09, -0.09), TEMPERATURES),
    ("F7", "undecided", tempered(0.09, 0.01), TEMPERATURES),
]


@pytest.mark.parametrize(("claim", "verdict", "rows", "about"), CASES)
def test_verdict(judge: Judge, claim: str, verdict: str, rows: list[Row], about: Row) -> None:
    assert judge(claim, rows, **about).verdict == verdict


MISSING = [
    ("F1", [accuracy("hinton", 0.9)], {}, "the evaluation fidelity"),
    ("F2", [agreement("hinton", 0.9)], {"baseline": False}, "an independent baseline"),
    ("F3", ensembles((0.7, 0.3)), {}, "ensembles of two sizes or more"),
    ("F4", calibrated((0.9, 0.02), (0.8, 0.1)), {}, "three students or more of one ensemble"),
    ("F4", calibrated((0.9, 0.02), (0.8, 0.1), (0.7, 0.1), teacher="cifar_resnet8"), {}, "an ensemble of teachers"),
    ("F5", [agreement("hinton", 0.9)], TRAINED, "distillation_data"),
    ("F6", started(near=0.9, shared=0.0)[:2], TRAINED, "near_teacher: 0.375"),
    ("F6", started(near=0.9, shared=0.0)[:3], TRAINED, "init: shared"),
    ("F7", [agreement("t4", 0.9), accuracy("t4", 0.9)], TEMPERATURES, "differ only in their temperature"),
]


@pytest.mark.parametrize(("claim", "rows", "about", "missing"), MISSING)
def test_not_asked_says_what_is_missing(judge: Judge, claim: str, rows: list[Row], about: Row, missing: str) -> None:
    assert missing in judge(claim, rows, **about).missing


def test_a_student_that_starts_near_its_teacher_is_no_evidence_on_ordinary_agreement(judge: Judge) -> None:
    assert judge("F1", [agreement("hinton", 0.77), agreement("near", 0.99)], **TRAINED).verdict == "holds"


def test_self_distilled_students_are_preferred(judge: Judge) -> None:
    self_distilled = [agreement("hinton", 0.77), accuracy("teacher", 0.9, architecture="cifar_resnet8")]

    assert "no student has the architecture of its teacher" not in judge("F1", self_distilled).evidence
    assert "no student has the architecture of its teacher" in judge("F1", self_distilled[:1]).evidence
