"""Numbers are written by hand; differences and their intervals follow from them on paper."""

from pathlib import Path

import numpy as np
import pytest

from robustkd.errors import BadInputError
from robustkd.reporting.side_by_side import side_by_side
from robustkd.reporting.side_by_side.content import Comparison, Line
from robustkd.results.records import Check

from ..constructed_runs import method, network, write_facts, write_result, write_run

A = [
    method("teacher", "accuracy", 0.90, 0.88, 0.92),
    method("kd", "accuracy", 0.80, 0.77, 0.83),
    method("at", "accuracy", 0.70, 0.67, 0.73),
]
B = [
    method("teacher", "accuracy", 0.90, 0.88, 0.92),
    method("kd", "accuracy", 0.90, 0.86, 0.94),
]
OTHER_IMAGES = {
    "data": {
        "name": "digits",
        "digest": "d2",
        "train_images": 100,
        "test_images": 50,
        "limited": False,
        "classes": 10,
        "remarks": [],
    },
}


def comparison(paths: list[Path], metric: str = "accuracy") -> Comparison:
    return next(each for each in side_by_side(paths).comparisons if each.metric.name == metric)


def lines(paths: list[Path], metric: str = "accuracy") -> dict[str, Line]:
    return {line.who.method: line for line in comparison(paths, metric).lines}


def test_differences_on_other_images_combine_both_intervals(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "a", A), write_run(tmp_path / "b", B, **OTHER_IMAGES)]

    (difference,) = lines(runs)["kd"].differences

    # half widths of 0.03 and 0.04 add to one of 0.05
    assert difference is not None
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.1, 0.05, 0.15))
    assert (difference.how, difference.significant) == ("combined", True)


def test_differences_are_to_the_first_run(tmp_path: Path) -> None:
    rows = [method("kd", "accuracy", 0.85, 0.81, 0.89)]
    facts = [{}, OTHER_IMAGES, OTHER_IMAGES]
    runs = [
        write_run(tmp_path / str(index), of_run, **more)
        for index, (of_run, more) in enumerate(zip([A, B, rows], facts, strict=True))
    ]

    found = lines(runs)["kd"].differences

    assert [each.value for each in found if each is not None] == pytest.approx([0.1, 0.05])


def test_a_method_of_one_run_has_a_number_there_and_no_difference(tmp_path: Path) -> None:
    line = lines([write_run(tmp_path / "a", A), write_run(tmp_path / "b", B)])["at"]

    assert line.numbers[0] is not None
    assert (line.numbers[0].value, line.numbers[1], line.differences) == (0.7, None, (None,))


def test_differences_on_the_same_images_are_paired_where_the_records_hold_them(tmp_path: Path) -> None:
    teacher = np.ones(100, dtype=bool)
    of_a, of_b = np.arange(100) < 80, np.arange(100) < 90  # ten images are right in B alone, none in A alone
    rows = [[method("teacher", "accuracy", 1.0), method("kd", "accuracy", value)] for value in (0.8, 0.9)]
    runs = [
        write_run(tmp_path / name, of_run, arrays={"correct": np.stack([teacher, seen])})
        for name, of_run, seen in zip("ab", rows, (of_a, of_b), strict=True)
    ]

    (difference,) = lines(runs)["kd"].differences

    # Newcombe 1998 for paired shares: Wilson gives (0.7112, 0.8666) for 80/100 and (0.8256, 0.9448) for 90/100, and φ
    # of the table 80, 10, 0, 10 is (80·10 − 10·0) / √(90·10·80·20) = 2/3
    dl, du, el, eu = 0.9 - 0.8256, 0.8666 - 0.8, 0.8 - 0.7112, 0.9448 - 0.9
    low = 0.1 - (dl**2 - 2 * 2 / 3 * dl * du + du**2) ** 0.5
    high = 0.1 + (eu**2 - 2 * 2 / 3 * eu * el + el**2) ** 0.5
    assert difference is not None
    assert (difference.value, difference.how) == (pytest.approx(0.1), "paired")
    assert (difference.low, difference.high) == (pytest.approx(low, abs=2e-4), pytest.approx(high, abs=2e-4))


def test_records_whose_mean_is_not_the_number_are_not_paired(tmp_path: Path) -> None:
    """The array may have the name of the metric and be something else."""
    seen = np.ones((1, 100), dtype=bool)
    runs = [
        write_run(tmp_path / name, [method("kd", "accuracy", 0.8, 0.77, 0.83)], arrays={"correct": seen})
        for name in "ab"
    ]

    (difference,) = lines(runs)["kd"].differences

    assert difference is not None
    assert difference.how == "combined"


def test_other_options_of_the_evaluation_are_not_paired(tmp_path: Path) -> None:
    arrays = {"correct": np.arange(10)[None] < 8}
    rows = [method("kd", "accuracy", 0.8, 0.7, 0.9)]
    options = {"options": {"images": 10}}
    runs = [
        write_run(tmp_path / "a", rows, arrays=arrays),
        write_run(tmp_path / "b", rows, arrays=arrays, settings=options),
    ]

    (difference,) = lines(runs)["kd"].differences

    assert difference is not None
    assert difference.how == "combined"


def test_the_same_networks_on_the_same_images_have_no_interval_of_a_difference(tmp_path: Path) -> None:
    members = [{"method": "kd", "role": "student", "condition": "clean", "digest": "abc", "architecture": "net"}]
    runs = [write_run(tmp_path / name, A, members=members) for name in "ab"]

    (difference,) = lines(runs)["kd"].differences

    assert difference is not None
    assert (difference.value, difference.how, difference.significant) == (0, "same networks", False)


def test_a_void_number_has_no_difference(tmp_path: Path) -> None:
    check = Check("better than chance", False, "it guesses", "kd-0")
    rows = [*B, network("kd", "accuracy", 0.9)]
    line = lines([write_run(tmp_path / "a", A), write_run(tmp_path / "b", rows, checks=(check,))])["kd"]

    assert line.numbers[1] is not None
    assert (line.numbers[1].void, line.differences) == (True, (None,))


def test_conditions_count_only_where_a_run_has_several(tmp_path: Path) -> None:
    noisy = [row | {"condition": "label noise 40%"} for row in B]
    runs = [write_run(tmp_path / "a", A), write_run(tmp_path / "b", noisy, condition="label noise 40%")]

    assert lines(runs)["kd"].differences[0] is not None


def test_the_only_students_of_all_runs_are_compared_whatever_their_names(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name, [method(f"v{name}", "accuracy", 0.8, 0.7, 0.9)]) for name in "ab"]

    assert list(lines(runs)) == ["va / vb"]
    assert lines(runs)["va / vb"].differences[0] is not None


def test_evaluations_of_one_run_have_numbers_but_are_not_shared(tmp_path: Path) -> None:
    first = write_run(tmp_path / "a", A)
    second = write_run(tmp_path / "b", B)
    write_result(second, "calibration", [method("kd", "ece", 0.1, 0.05, 0.15)])
    write_facts(second, "study", ["generalization", "calibration"])

    found = side_by_side([first, second])

    assert {each.evaluation: each.shared for each in found.comparisons} == {
        "generalization": True,
        "calibration": False,
    }
    assert found.evaluations == ("Measured in b only: Calibration.",)


def test_a_run_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", A)

    with pytest.raises(BadInputError, match="is given twice"):
        side_by_side([run, tmp_path / "." / "a"])
