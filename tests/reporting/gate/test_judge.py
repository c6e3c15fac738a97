"""Numbers are written by hand; each expected verdict follows from them by subtraction."""

import json
from pathlib import Path

import numpy as np
import pytest

from robustkd.errors import BadInputError
from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.gate import Verdict, judge, parsed_requirement
from robustkd.reporting.gate.named import DROPS
from robustkd.reporting.run import read_run
from robustkd.results.records import Check

from ..constructed_runs import members_of, method, network, write_facts, write_result, write_run

ROWS = [
    method("teacher", "accuracy", 0.90, 0.88, 0.92),
    method("baseline", "accuracy", 0.80, 0.78, 0.82),
    method("kd", "accuracy", 0.88, 0.86, 0.90),
    method("at", "accuracy", 0.84, 0.82, 0.86),
    method("kd", "accuracy_gain", 0.08, 0.05, 0.11),
    method("at", "accuracy_gain", 0.04, 0.01, 0.07),
]


def verdicts(run: Path, *requirements: str) -> list[Verdict]:
    return list(judge(read_run(run), [parsed_requirement(text) for text in requirements]))


def test_a_requirement_is_judged_for_every_student_and_for_no_other_network(tmp_path: Path) -> None:
    found = verdicts(write_run(tmp_path, ROWS), "accuracy >= 0.85")

    assert [(each.student, each.met) for each in found] == [("kd", True), ("at", False)]
    assert [each.off for each in found] == pytest.approx([-0.03, 0.01])


def test_a_requirement_on_a_named_network_is_judged_for_it_alone(tmp_path: Path) -> None:
    found = verdicts(write_run(tmp_path, ROWS), "baseline: accuracy >= 0.85", "kd: accuracy >= 0.85")

    assert [(each.student, each.met) for each in found] == [("baseline", False), ("kd", True)]


def test_a_bound_of_the_interval_is_compared_in_place_of_the_value(tmp_path: Path) -> None:
    run = write_run(tmp_path, ROWS)

    assert [each.met for each in verdicts(run, "kd: accuracy >= 0.87", "kd: accuracy.low >= 0.87")] == [True, False]
    assert [each.met for each in verdicts(run, "kd: accuracy <= 0.89", "kd: accuracy.high <= 0.89")] == [True, False]


def test_a_drop_is_what_the_student_lacks_of_its_teacher(tmp_path: Path) -> None:
    kd, at = verdicts(write_run(tmp_path, ROWS), "accuracy_drop <= 2%")

    assert (kd.measured.value, at.measured.value) == pytest.approx((0.02, 0.06))
    # 0.90 − 0.88 is 0.020000000000000018 in binary; two intervals of ± 0.02 give ± 0.02 · √2
    assert (kd.met, at.met) == (True, False)
    assert (kd.measured.low, kd.measured.high) == pytest.approx((0.02 - 0.02 * 2**0.5, 0.02 + 0.02 * 2**0.5))


def test_a_drop_is_paired_image_by_image_where_the_records_hold_the_images(tmp_path: Path) -> None:
    teacher, student = np.ones(100, dtype=bool), np.arange(100) >= 4
    rows = [method("teacher", "accuracy", 1.0, 0.9, 1.0), method("kd", "accuracy", 0.96, 0.9, 1.0)]
    run = write_run(tmp_path, rows, arrays={"correct": np.stack([teacher, student])})

    (found,) = verdicts(run, "accuracy_drop <= 0.05")

    # Newcombe's method 10 for paired shares, from Wilson's intervals (0.9630, 1) of 100/100 and (0.9016, 0.9843) of
    # 96/100; with no image that only the student has right the correlation of the counts is 0:
    # low = 0.04 − √(0.0370² + 0.0243²), high = 0.04 + √(0 + 0.0584²)
    assert found.measured.value == pytest.approx(0.04)
    assert (found.measured.low, found.measured.high) == pytest.approx((-0.0043, 0.0984), abs=2e-4)


def test_a_drop_against_the_baseline_is_the_gain_with_the_opposite_sign(tmp_path: Path) -> None:
    (found,) = verdicts(write_run(tmp_path, ROWS), "kd: accuracy_drop_against_baseline.high < 0")

    assert (found.measured.value, found.measured.low, found.measured.high) == (-0.08, -0.11, -0.05)
    assert found.met


def test_a_limit_that_is_met_exactly_is_met_unless_the_operator_is_strict(tmp_path: Path) -> None:
    found = verdicts(write_run(tmp_path, ROWS), "kd: accuracy <= 0.88", "kd: accuracy < 0.88", "kd: accuracy == 88%")

    assert [each.met for each in found] == [True, False, True]


def test_a_void_number_meets_nothing_and_names_the_check(tmp_path: Path) -> None:
    check = Check("better than chance", False, "it guesses", "kd-0")
    rows = [*ROWS, network("kd", "accuracy", 0.88), network("at", "accuracy", 0.84)]
    kd, at = verdicts(write_run(tmp_path, rows, checks=(check,)), "accuracy > 0.1")

    assert (kd.met, kd.reason) == (False, "void, because a validity check failed: better than chance (kd-0)")
    assert at.met


def test_a_drop_from_a_void_teacher_is_void(tmp_path: Path) -> None:
    check = Check("better than chance", False, "it guesses", "teacher-0")
    rows = [*ROWS, network("teacher", "accuracy", 0.9)]
    (found,) = verdicts(write_run(tmp_path, rows, checks=(check,)), "kd: accuracy_drop < 1")

    assert (found.met, "the teacher's number is void" in found.reason) == (False, True)


def test_what_was_not_measured_meets_nothing_and_says_why(tmp_path: Path) -> None:
    run = write_run(
        tmp_path,
        ROWS,
        skipped={"groups": "needs groups of the test images"},
        missing={"evaluation fidelity": "RuntimeError: broken"},
    )

    found = verdicts(
        run, "kd: worst_group_drop < 1", "kd: agreement > 0", "kd: invariance > 0", "kd: accuracy_gain.low > 0"
    )

    assert [each.met for each in found] == [False, False, False, True]
    assert [each.reason for each in found[:3]] == [
        "the evaluation groups has no result: needs groups of the test images",
        "the evaluation fidelity has no result: RuntimeError: broken",
        "the run does not have the evaluation invariance: add it to the evaluations of the study",
    ]


def test_an_evaluation_that_is_still_to_come_is_named_so(tmp_path: Path) -> None:
    (found,) = verdicts(write_run(tmp_path, ROWS, to_come=["fidelity"]), "kd: agreement > 0")

    assert found.reason == "the evaluation fidelity is not measured yet: the study is not finished"


def test_a_value_without_interval_meets_no_requirement_on_a_bound(tmp_path: Path) -> None:
    (found,) = verdicts(write_run(tmp_path, [method("kd", "accuracy", 0.9)]), "accuracy.low > 0")

    assert (found.met, found.reason) == (False, "there is no interval for this number")


def test_a_run_without_students_meets_no_requirement(tmp_path: Path) -> None:
    (found,) = verdicts(write_run(tmp_path, ROWS[:2], missing={"kd-0": "out of memory"}), "accuracy > 0")

    assert (found.met, found.reason) == (False, "the run has no student (missing: kd-0: out of memory)")


def test_a_named_student_that_failed_to_train_meets_nothing(tmp_path: Path) -> None:
    (found,) = verdicts(write_run(tmp_path, ROWS, missing={"sp-0": "out of memory"}), "sp: accuracy > 0")

    assert (found.met, found.reason) == (False, "the run has no sp (missing: sp-0: out of memory)")


def test_conditions_are_judged_one_by_one_or_by_name(tmp_path: Path) -> None:
    noisy = {"condition": "label noise 40%"}
    rows = [method("kd", "accuracy", 0.9), method("kd", "accuracy", 0.5, **noisy)]
    run = write_two_conditions(tmp_path, rows)

    assert [(each.student, each.met) for each in verdicts(run, "accuracy > 0.8")] == [
        ("kd, clean", True),
        ("kd, label noise 40%", False),
    ]
    assert [each.student for each in verdicts(run, "accuracy@Label noise 40% > 0.1")] == ["kd, label noise 40%"]


def write_two_conditions(run: Path, rows: list[dict[str, object]]) -> Path:
    from robustkd.results.records import Records
    from robustkd.results.result import PartResult
    from robustkd.results.storage import save_result
    from robustkd.results.tidy import tidy

    parts = [
        PartResult(f"generalization-{index}", "key", str(row["condition"]), "", Records(members_of(["kd"]), {}), {})
        for index, row in enumerate(rows)
    ]
    for part in parts:
        part.records.save(run / "results" / f"{part.name}.npz", "key")
    settings = EVALUATIONS["generalization"]().settings()
    save_result("generalization", settings, parts, [tidy([row]) for row in rows], run / "results")
    return write_facts(run, "study", ["generalization"])


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [
        ("acuracy > 0", "unknown metric 'acuracy': did you mean accuracy"),
        ("fidelty.kl > 0", "unknown evaluation 'fidelty': did you mean fidelity?"),
        ("generalization.acuracy > 0", "generalization has no metric 'acuracy': did you mean accuracy"),
        ("kdd: accuracy > 0", "no network is called 'kdd': did you mean kd?"),
        ("accuracy@cleen > 0", "unknown condition 'cleen': did you mean clean?"),
        ("accuracy > 80", "accuracy is a share from 0 to 1: write 80% for 80 percent"),
        ("generalization.nll < 5%", "generalization.nll is not in percent (nats)"),
        ("fooling_rate > 0", "'fooling_rate' is measured by several evaluations: write "),
    ],
)
def test_names_that_do_not_exist_are_refused_with_the_nearest(tmp_path: Path, requirement: str, problem: str) -> None:
    with pytest.raises(BadInputError, match=r"^--require '") as raised:
        verdicts(write_run(tmp_path, ROWS), requirement)

    assert problem in str(raised.value)


def test_a_metric_that_one_evaluation_of_the_run_has_needs_no_other_name(tmp_path: Path) -> None:
    """Label noise has an accuracy too, but this run does not measure it."""
    (found,) = verdicts(write_run(tmp_path, ROWS), "kd: accuracy > 0")

    assert found.number.evaluation == "generalization"


def test_a_damaged_evaluation_meets_nothing(tmp_path: Path) -> None:
    run = write_run(tmp_path, ROWS, evaluations=["generalization", "fidelity"])
    write_result(run, "fidelity", [method("kd", "agreement", 0.9)])
    about = json.loads((run / "results" / "fidelity.json").read_text())
    (run / "results" / "fidelity.json").write_text(json.dumps(about | {"sha256": {".csv": "0"}}))

    (found,) = verdicts(run, "kd: agreement > 0")

    assert (found.met, "cannot be read" in found.reason) == (False, True)


def test_every_drop_is_of_a_metric_that_exists_and_has_a_name_of_its_own() -> None:
    metrics = {each.name for name in EVALUATIONS.names() for each in EVALUATIONS[name].metrics}

    assert not metrics & set(DROPS)
    for evaluation, metric, reference in DROPS.values():
        found = next(each for each in EVALUATIONS[evaluation].metrics if each.name == metric)
        assert (found.difference_of is not None) == (reference == "baseline")
        assert found.higher_is_better
