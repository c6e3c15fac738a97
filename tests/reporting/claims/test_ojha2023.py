from collections.abc import Callable
from typing import Any

import pytest

from robustkd.reporting.claims import Judgement

Row = dict[str, Any]
Judge = Callable[..., Judgement]


def number(place: str, method: str, value: float, half: float, **others: Any) -> Row:
    evaluation, metric = place.split(".")
    return {"evaluation": evaluation, "metric": metric, "method": method, "value": value, "half": half, **others}


def fooled(own: float, half: float, foreign: float | None = None, **others: Any) -> list[Row]:
    place = "adversarial_inheritance."
    found = {"fooling_rate_excess": own, "transfer_success_excess": own, "foreign_fooling_rate_excess": foreign}
    return [number(place + name, "hinton", value, half, **others) for name, value in found.items() if value is not None]


def of_transformer(own: float, half: float) -> list[Row]:
    return [
        *fooled(own, half),
        number("adversarial_inheritance.fooling_rate", "teacher", 0.9, 0.1, architecture="vit_tiny_patch16_224"),
    ]


def closer(share: float, half: float, control: float = 0.5) -> list[Row]:
    return [
        number("localisation.map_closer", "hinton", share, half),
        number("localisation.map_closer", "baseline", control, 0.01),
    ]


def two_teachers(coloured: float, plain: float, half: float, apart: float = 0.2) -> list[Row]:
    """The gain in colour invariance of the same student by two teachers."""
    rows = []
    for name, gain, teacher in (("coloured", coloured, 0.7 + apart), ("plain", plain, 0.7)):
        group = {"group": f"cifar_resnet8, teacher {name}"}
        rows.append(number("invariance.colour_invariance", "teacher", teacher, 0.01, **group))
        rows.append(number("invariance.colour_invariance_gain", "hinton", gain, half, **group))
    return rows


UNCROPPED = {"study": "data: {name: cifar10, augmentation: null}"}
CROPPED = {"study": "data: {name: cifar10, augmentation: {crop_padding: 4}}"}


def cropped(hinton: float, hint: float, half: float = 0.01, teacher: float = 0.9) -> list[Row]:
    return [
        number("invariance.crop_invariance", "teacher", teacher, 0.01),
        number("invariance.crop_invariance", "baseline", 0.7, 0.01),
        number("invariance.crop_invariance_gain", "hinton", hinton, half),
        number("invariance.crop_invariance_gain", "hint", hint, half),
    ]


def consensus(unseen: float, seen: float) -> list[Row]:
    """Unseen domains less test images: ±√(0.03² + 0.04²) = ±0.05."""
    return [
        number("domains.consensus_excess", "hinton", unseen, 0.03),
        number("domains.consensus_excess", "hinton", seen, 0.04, part="test images"),
    ]


def shaped(gain: float, half: float, teacher: float = 0.6) -> list[Row]:
    return [
        number("shape_bias.shape_bias", "teacher", teacher, 0.02),
        number("shape_bias.shape_bias", "baseline", 0.3, 0.02),
        number("shape_bias.shape_bias_gain", "hinton", gain, half),
    ]


def grouped(*gains: float, half: float, seeds: int = 3) -> list[Row]:
    return [
        number("groups.group_gain", "hinton", gain, half, part=f"group {place}", n_seeds=seeds)
        for place, gain in enumerate(gains)
    ] + [number("groups.worst_group_accuracy", "hinton", 0.6, 0.1)]


CASES = [
    ("T4", "holds", fooled(0.08, 0.06), {}),
    ("T4", "does not hold", fooled(-0.08, 0.06), {}),
    ("T4", "undecided", fooled(0.05, 0.06), {}),
    # foreign less a third of 9 ± 3 points: ±√(0.01² + 0.03²) = ±0.032
    ("T5", "holds", fooled(0.09, 0.03, foreign=-0.02), {}),
    ("T5", "does not hold", fooled(0.09, 0.03, foreign=0.09), {}),
    ("T5", "undecided", fooled(0.09, 0.03, foreign=0.02), {}),
    ("T6", "holds", of_transformer(0.005, 0.01), {}),
    ("T6", "does not hold", of_transformer(0.08, 0.01), {}),
    ("T6", "undecided", of_transformer(0.015, 0.01), {}),
    ("P1", "holds", closer(0.65, 0.05), {}),
    ("P1", "does not hold", closer(0.35, 0.05), {}),
    ("P1", "undecided", closer(0.52, 0.05), {}),
    ("P1", "undecided", closer(0.60, 0.05, control=0.59), {}),
    ("P2", "holds", two_teachers(0.10, 0.02, half=0.01), {}),
    ("P2", "does not hold", two_teachers(0.02, 0.02, half=0.01), {}),
    ("P2", "undecided", two_teachers(0.06, 0.02, half=0.01), {}),
    ("P3", "holds", cropped(0.06, 0.0), UNCROPPED),
    ("P3", "does not hold", cropped(-0.06, 0.0), UNCROPPED),
    ("P3", "undecided", cropped(0.06, 0.015), UNCROPPED),
    ("P4", "holds", consensus(0.12, 0.03), {}),
    ("P4", "does not hold", consensus(0.03, 0.12), {}),
    ("P4", "undecided", consensus(0.12, 0.09), {}),
    ("P5", "holds", shaped(0.10, 0.03), {}),
    ("P5", "does not hold", shaped(-0.05, 0.03), {}),
    ("P5", "undecided", shaped(0.03, 0.03), {}),
    # the mean of 8, 8, 8 and −8 points is 4, so that the worst group is 12 below it
    ("P6", "holds", grouped(0.08, 0.08, 0.08, -0.08, half=0.01), {}),
    ("P6", "does not hold", grouped(0.08, 0.08, 0.08, 0.08, half=0.01), {}),
    ("P6", "undecided", grouped(0.08, 0.08, 0.08, 0.04, half=0.01), {}),
    ("P6", "undecided", grouped(0.08, 0.08, 0.08, -0.08, half=0.01, seeds=1), {}),
    ("P7", "holds", [number("decision_boundary.boundary_iou_excess", "hinton", 0.1, 0.05)], {}),
    ("P7", "does not hold", [number("decision_boundary.boundary_iou_excess", "hinton", -0.1, 0.05)], {}),
    ("P7", "undecided", [number("decision_boundary.boundary_iou_excess", "hinton", 0.04, 0.05)], {}),
]


@pytest.mark.parametrize(("claim", "verdict", "rows", "about"), CASES)
def test_verdict(judge: Judge, claim: str, verdict: str, rows: list[Row], about: Row) -> None:
    assert judge(claim, rows, **about).verdict == verdict


OTHER = [number("generalization.accuracy_gain", "hinton", 0.1, 0.01)]

MISSING = [
    ("T4", OTHER, {}, "the evaluation adversarial_inheritance"),
    ("T4", [number("adversarial_inheritance.fooling_rate", "hinton", 0.5, 0.1)], {"baseline": False}, "baseline"),
    ("T5", fooled(0.09, 0.03), {}, "a foreign network"),
    ("T5", fooled(0.02, 0.03, foreign=0.0), {}, "(T4) to compare with (here +2.0 points [−1.0, +5.0])"),
    ("T6", fooled(0.09, 0.03), {}, "transformer teacher"),
    ("P1", OTHER, {}, "the evaluation localisation"),
    ("P2", two_teachers(0.1, 0.0, half=0.01)[:2], {}, "two teachers"),
    ("P2", two_teachers(0.1, 0.0, half=0.01, apart=0.0), {}, "two teachers"),
    ("P3", cropped(0.06, 0.0), CROPPED, "without random crops"),
    ("P3", cropped(0.06, 0.0, teacher=0.7), UNCROPPED, "more crop invariance"),
    ("P4", OTHER, {}, "the evaluation domains"),
    ("P5", shaped(0.1, 0.01, teacher=0.31), {}, "more shape bias"),
    ("P5", OTHER, {}, "the evaluation shape_bias"),
    ("P6", OTHER, {}, "the evaluation groups"),
    ("P7", OTHER, {}, "the evaluation decision_boundary"),
]


@pytest.mark.parametrize(("claim", "rows", "about", "missing"), MISSING)
def test_not_asked_says_what_is_missing(judge: Judge, claim: str, rows: list[Row], about: Row, missing: str) -> None:
    assert missing in judge(claim, rows, **about).missing


def test_the_count_of_the_other_paper_is_told_beside_the_fooling_rate(judge: Judge) -> None:
    assert "counted as by Sarfraz et al.: +8.0 points" in judge("T4", fooled(0.08, 0.06)).evidence


def test_other_methods_are_judged_where_the_papers_methods_are_absent(judge: Judge) -> None:
    of_at = [{**row, "method": "at"} for row in fooled(0.08, 0.06)]

    assert "(at)" in judge("T4", of_at).evidence
    assert "(hinton)" in judge("T4", [*of_at, *fooled(0.08, 0.06)]).evidence
