"""Verdicts, checks, methods and settings that are not the same in all runs."""

from pathlib import Path
from typing import Any

import pytest

from robustkd.reporting.side_by_side import side_by_side
from robustkd.reporting.side_by_side.content import Who
from robustkd.reporting.side_by_side.matching import named
from robustkd.results.records import Check

from ..constructed_runs import method, network, write_run


def of_student(gain: float, half: float, p_value: float, seeds: int = 3, **more: Any) -> list[dict[str, Any]]:
    """A baseline, a student and the student's gain with its interval."""
    shared = {"n_seeds": seeds} | more
    return [
        method("baseline", "accuracy", 0.8, 0.78, 0.82, **shared),
        method("kd", "accuracy", 0.8 + gain, 0.78 + gain, 0.82 + gain, **shared),
        method("kd", "accuracy_gain", gain, gain - half, gain + half, p_value=p_value, **shared),
    ]


def two_runs(folder: Path, first: list[dict[str, Any]], second: list[dict[str, Any]], **of_second: Any) -> list[Path]:
    return [write_run(folder / "a", first), write_run(folder / "b", second, **of_second)]


def test_a_gain_that_is_significant_in_one_run_only_is_a_changed_verdict(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "a", of_student(0.05, 0.03, 0.001)),
        write_run(tmp_path / "b", of_student(0.01, 0.04, 0.6)),
    ]

    found = side_by_side(runs)

    # 1 − 5 = −4 points, with √(3² + 4²) = 5
    assert found.verdicts == (
        "Generalization: kd, Accuracy against the independent baseline: significantly better in a (+5.0 points [+2.0, "
        "+8.0]); no significant difference in b (+1.0 points [−3.0, +5.0]). The change is −4.0 points, with an "
        "interval [−9.0, +1.0] that includes 0: this alone is no evidence of a change.",
    )
    assert found.other_verdicts == ()


def test_a_change_whose_interval_excludes_0_is_told_as_such(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "a", of_student(0.05, 0.03, 0.001)),
        write_run(tmp_path / "b", of_student(-0.05, 0.04, 0.01)),
    ]

    (sentence,) = side_by_side(runs).verdicts

    assert "significantly better in a (+5.0 points [+2.0, +8.0]); significantly worse in b (−5.0 points" in sentence
    assert sentence.endswith("The change is −10.0 points, with an interval [−15.0, −5.0] that excludes 0.")


def test_verdicts_that_are_the_same_are_not_told(tmp_path: Path) -> None:
    runs = [
        write_run(tmp_path / "a", of_student(0.05, 0.03, 0.001)),
        write_run(tmp_path / "b", of_student(0.04, 0.03, 0.02)),
    ]

    assert side_by_side(runs).verdicts == ()


def test_few_seeds_are_called_higher_or_lower_and_that_alone_is_no_change(tmp_path: Path) -> None:
    few = of_student(0.05, 0.03, 0.001, seeds=1)
    runs = [write_run(tmp_path / name, rows) for name, rows in (("a", of_student(0.05, 0.03, 0.001)), ("b", few))]
    assert side_by_side(runs).verdicts == ()

    (sentence,) = side_by_side([runs[1], write_run(tmp_path / "c", of_student(0.01, 0.04, 0.6))]).verdicts
    assert "significantly higher in b" in sentence


def test_verdicts_are_corrected_for_the_number_of_students_of_each_run(tmp_path: Path) -> None:
    """p = 0.03 is significant alone, and not as the smaller of two."""
    two = [
        *of_student(0.05, 0.03, 0.03),
        *(row | {"method": "at", "member": "at"} for row in of_student(0.0, 0.03, 0.9)[1:]),
    ]
    runs = two_runs(tmp_path, of_student(0.05, 0.03, 0.03), two)

    (sentence,) = side_by_side(runs).verdicts

    assert "significantly better in a" in sentence
    assert "no significant difference in b" in sentence


def test_a_verdict_that_a_failed_check_voids_is_told_without_its_number(tmp_path: Path) -> None:
    check = Check("better than chance", False, "it guesses", "kd-0")
    void = [*of_student(0.01, 0.04, 0.6), network("kd", "accuracy", 0.81), network("baseline", "accuracy", 0.8)]
    runs = two_runs(tmp_path, of_student(0.05, 0.03, 0.001), void, checks=(check,))

    (sentence,) = side_by_side(runs).verdicts

    assert sentence.endswith(
        "significantly better in a (+5.0 points [+2.0, +8.0]); void, because a validity check failed, in b."
    )


def test_metrics_that_are_not_in_the_summary_are_told_apart(tmp_path: Path) -> None:
    def rows(gain: float, p_value: float) -> list[dict[str, Any]]:
        numbers = [("nll", 1.0), ("nll_difference", gain)]
        return [method("baseline", "nll", 1.0, n_seeds=3)] + [
            method("kd", metric, value, value - 0.1, value + 0.1, p_value=p_value if "_" in metric else None, n_seeds=3)
            for metric, value in numbers
        ]

    found = side_by_side([write_run(tmp_path / "a", rows(-0.3, 0.001)), write_run(tmp_path / "b", rows(0.0, 0.9))])

    assert found.verdicts == ()
    (sentence,) = found.other_verdicts
    assert "kd, NLL against the independent baseline: significantly better in a (−0.300 nats" in sentence


@pytest.mark.parametrize("made", [True, False])
def test_a_check_that_fails_in_one_run_only_is_told_with_its_network(tmp_path: Path, made: bool) -> None:
    passes = (Check("better than chance", True, "fine", "kd-0"),) if made else ()
    fails = (Check("better than chance", False, "kd-0 is right on 5 of 50 images.", "kd-0"),)
    rows = of_student(0.05, 0.03, 0.001)
    runs = [write_run(tmp_path / "a", rows, checks=passes), write_run(tmp_path / "b", rows, checks=fails)]

    (sentence,) = side_by_side(runs).checks

    start = "Better than chance, kd-0: fails in b (kd-0 is right on 5 of 50 images); "
    assert sentence == start + ("passes in a." if made else "was not made in a.")


def test_a_check_that_fails_everywhere_is_no_difference(tmp_path: Path) -> None:
    fails = (Check("better than chance", False, "it guesses", "kd-0"),)

    assert side_by_side([write_run(tmp_path / name, of_student(0, 1, 1), checks=fails) for name in "ab"]).checks == ()


def test_methods_of_one_run_only_are_named(tmp_path: Path) -> None:
    more = [*of_student(0.05, 0.03, 0.5), method("at", "accuracy", 0.8), method("teacher", "accuracy", 0.9)]

    found = side_by_side([write_run(tmp_path / "a", of_student(0.05, 0.03, 0.5)), write_run(tmp_path / "b", more)])

    assert found.members == ("In b only: teacher and at.",)


def test_only_what_differs_in_data_versions_and_studies_is_listed(tmp_path: Path) -> None:
    rows = of_student(0.05, 0.03, 0.5)
    study = "name: {name}\ntraining: {{epochs: {epochs}, milestones: [1, 2]}}\n"
    first = write_run(tmp_path / "a", rows, study=study.format(name="a", epochs=5))
    second = write_run(
        tmp_path / "b",
        rows,
        study=study.format(name="b", epochs=10),
        seeds=[0, 1],
        versions={"robustkd": "2.0"},
        settings={"options": {"images": 10}},
    )

    found = side_by_side([first, second])

    assert {each.what: each.values for each in found.differing} == {
        "Evaluation Generalization": ("measured", "measured, images 10"),
        "Seeds": ("0", "0, 1"),
        "Version of robustkd": ("1.0", "2.0"),
    }
    assert {each.what: each.values for each in found.settings} == {"training.epochs": ("5", "10")}


def test_a_part_stands_in_brackets_behind_its_method() -> None:
    assert named(Who("kd", "student")) == "kd"
    assert named(Who("kd", "student", "resnet8", "clean")) == "kd (resnet8, clean)"
