"""The chart of accuracy against another metric."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.reporting.trade_off import pareto, trade_off_of
from robustkd.reporting.trust import trust_in
from robustkd.results.records import Check
from robustkd.results.result import Result
from robustkd.results.tidy import tidy


def result(evaluation: str, metric: str, values: dict[str, float], checks: tuple[Check, ...] = ()) -> Result:
    rows: list[dict[str, Any]] = [
        {
            "level": level, "member": f"{method}{suffix}", "role": role, "method": method, "architecture": "net",
            "condition": "clean", "group": "", "metric": metric, "value": value, "ci_low": value - 0.1,
            "ci_high": value + 0.1, "n_seeds": 1,
        }
        for method, value in values.items()
        for role in ["teacher" if method == "teacher" else "baseline" if method == "baseline" else "student"]
        for level, suffix in (("method", ""), ("network", "-0"))
    ]  # fmt: skip
    return Result(evaluation, tidy(rows), checks, {"options": {}})


def points_of(results: list[Result]) -> list[dict[str, Any]]:
    trust = {each.evaluation: trust_in(each, results) for each in results}
    found = trade_off_of(results, trust)
    return [] if found is None else found.chart["data"]["values"]


ACCURACY = {"teacher": 0.95, "baseline": 0.8, "at": 0.9, "sp": 0.7}


def test_the_front_holds_what_no_other_student_or_baseline_beats_in_both() -> None:
    ece = {"teacher": 0.01, "baseline": 0.05, "at": 0.2, "sp": 0.1}

    points = points_of([result("generalization", "accuracy", ACCURACY), result("calibration", "ece", ece)])

    assert {point["method"] for point in points if point["front"]} == {"baseline", "at"}
    assert {point["metric"] for point in points} == {"Calibration: ECE (%) ↓"}


def test_a_void_number_is_not_drawn() -> None:
    void = Check("better than chance", False, "", "sp-0")
    ece = dict.fromkeys(ACCURACY, 0.1)

    points = points_of([result("generalization", "accuracy", ACCURACY, (void,)), result("calibration", "ece", ece)])

    assert {point["method"] for point in points} == {"teacher", "baseline", "at"}


@pytest.mark.parametrize("without", ["", "teacher"])
def test_a_role_has_its_shape_whoever_else_is_drawn(without: str) -> None:
    values = {name: value for name, value in ACCURACY.items() if name != without}
    results = [result("generalization", "accuracy", values), result("calibration", "ece", values)]

    found = trade_off_of(results, {each.evaluation: trust_in(each, results) for each in results})

    assert found is not None
    [scale] = [
        layer["encoding"]["shape"]["scale"] for layer in found.chart["layer"] if "shape" in layer.get("encoding", {})
    ]
    shapes = dict(zip(scale["domain"], scale["range"], strict=True))
    assert (shapes["baseline"], shapes["student"]) == ("square", "circle")


@pytest.mark.parametrize("values", [{}, {"at": 0.9}])
def test_there_is_no_chart_of_fewer_than_two_methods(values: dict[str, float]) -> None:
    ece = dict.fromkeys(values, 0.1)

    assert points_of([result("generalization", "accuracy", values), result("calibration", "ece", ece)]) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_the_best_in_either_coordinate_is_on_the_front(points: list[tuple[float, float]]) -> None:
    front = [point for point, on in zip(points, pareto(points), strict=True) if on]

    assert max(front)[0] == max(points)[0]
    assert max(second for _, second in front) == max(second for _, second in points)


def test_names_that_would_cover_others_are_left_out_but_not_that_of_the_baseline() -> None:
    crowd = {f"student_{index}": 0.8 + index / 1e6 for index in range(8)}
    accuracy = {"at": 0.1, **crowd, "baseline": 0.8}
    ece = dict.fromkeys(accuracy, 0.1)

    points = points_of([result("generalization", "accuracy", accuracy), result("calibration", "ece", ece)])

    named = {point["method"] for point in points if point["named"]}
    assert named >= {"at", "baseline"}
    assert len(named) < len(accuracy)
