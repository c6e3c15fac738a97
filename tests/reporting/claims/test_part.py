from collections.abc import Callable
from typing import Any

import pytest

from robustkd.reporting.claims import Judgement, judgements_of
from robustkd.reporting.claims.part import parts_of
from robustkd.reporting.run import Run
from robustkd.results.records import Check

Row = dict[str, Any]


def gain(method: str, value: float = 0.02, **others: Any) -> Row:
    about = {"evaluation": "generalization", "metric": "accuracy_gain"}
    return {**about, "method": method, "value": value, "half": 0.01, **others}


def member(name: str, method: str, **others: Any) -> Row:
    lineage = {"method": method, "options": {}, "teacher_job": "1234"} | others
    return {"method": name, "architecture": "cifar_resnet8", "condition": "clean", "lineage": lineage}


def by_id(judgements: tuple[Judgement, ...]) -> dict[str, Judgement]:
    return {judgement.claim.id: judgement for judgement in judgements}


def test_a_student_counts_for_the_method_that_trained_it_not_for_its_name(run_of: Callable[..., Run]) -> None:
    run = run_of([gain("cold")], members=[member("cold", "hinton")])

    assert by_id(judgements_of([run]))["G1"].verdict == "holds"


def test_a_name_counts_in_any_case_where_the_checkpoint_says_no_method(run_of: Callable[..., Run]) -> None:
    run = run_of([gain("RKD-DA")], members=[{"method": "RKD-DA", "condition": "clean", "lineage": {}}])

    assert parts_of([run])[0].students[0].method == "rkd_da"


def test_a_student_without_a_teacher_is_not_distilled(run_of: Callable[..., Run]) -> None:
    run = run_of([gain("smooth")], members=[member("smooth", "baseline", teacher_job=None)])

    assert not parts_of([run])[0].students[0].distilled


def test_a_variant_of_the_loss_is_no_plain_hinton(run_of: Callable[..., Run]) -> None:
    run = run_of([gain("argmax")], members=[member("argmax", "hinton", options={"variant": "argmax"})])

    assert by_id(judgements_of([run]))["G1"].missing == "a student of hinton"


def test_a_void_number_is_no_evidence(run_of: Callable[..., Run]) -> None:
    failed = Check("better than chance", False, "at chance", "hinton-0")
    network = gain("hinton", level="network", member="hinton-0", seed=0) | {"metric": "accuracy"}
    run = run_of([network, gain("hinton")], checks=[failed])

    judgement = by_id(judgements_of([run]))["G1"]

    assert judgement.verdict == "not asked"
    assert "no failed validity check voids" in judgement.missing


def test_fewer_than_three_seeds_leave_a_method_undecided(run_of: Callable[..., Run]) -> None:
    judgement = by_id(judgements_of([run_of([gain("hinton", n_seeds=2)])]))["G1"]

    assert judgement.verdict == "undecided"
    assert judgement.decides == "at least 3 seeds of every method compared, the baseline included (here 2 seeds)"


def test_students_with_few_seeds_are_left_out_where_others_have_enough(run_of: Callable[..., Run]) -> None:
    few = gain("hinton", -0.5, n_seeds=1, group="cifar_resnet14", architecture="cifar_resnet14")

    assert by_id(judgements_of([run_of([gain("hinton"), few])]))["G1"].verdict == "holds"


def test_claims_over_several_conditions_take_several_runs(run_of: Callable[..., Run]) -> None:
    runs = [
        run_of([gain("one", value, condition=f"label noise {rate}%")], name=f"noise {rate}")
        for rate, value in ((40, 0.04), (60, -0.07))
    ]

    assert by_id(judgements_of(runs[:1]))["N5"].verdict == "not asked"
    assert by_id(judgements_of(runs))["N5"].verdict == "holds"


def test_a_student_is_named_with_its_run_and_part_where_there_are_several(run_of: Callable[..., Run]) -> None:
    large = gain("hinton", group="cifar_resnet14", architecture="cifar_resnet14")
    runs = [run_of([gain("hinton"), large], name="mine"), run_of([gain("hinton")], name="other")]

    titles = [part.title for part in parts_of(runs)]

    assert titles == ["mine, cifar_resnet8", "mine, cifar_resnet14", "other"]


def test_a_damaged_study_text_does_not_stop_the_judgement(run_of: Callable[..., Run]) -> None:
    assert by_id(judgements_of([run_of([gain("hinton")], study="{a: [")]))["G1"].verdict == "holds"


@pytest.mark.parametrize(("split", "verdict"), [("all", "holds"), ("first_half", "not asked")])
def test_a_student_whose_teacher_saw_half_of_the_images_is_no_evidence_for_its_method(
    run_of: Callable[..., Run], split: str, verdict: str
) -> None:
    study = f"teacher: {{architecture: net, training: {{split: {split}}}}}"

    assert by_id(judgements_of([run_of([gain("hinton")], study=study)]))["G1"].verdict == verdict
