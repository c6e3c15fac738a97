import json
from pathlib import Path

import pytest

from robustkd.data.stand_in import stand_in
from robustkd.studies import load_study, run_study
from robustkd.studies.outlook import Row, outlook


def states(rows: list[Row]) -> dict[str, str]:
    return {row.name: row.state for row in rows}


def test_a_plan_lists_trainings_predictions_evaluations_and_the_report(tiny: Path, tmp_path: Path) -> None:
    found = outlook([load_study(tiny)], [tmp_path / "run"], device="cpu")

    assert [(row.kind, row.name, row.waits_for) for row in found.rows] == [
        ("teacher", "cifar_wrn_10_1-7", ""),
        ("student", "baseline-0", ""),
        ("student", "hinton-0", "cifar_wrn_10_1-7"),
        ("predictions", "tiny, 3 networks", "networks"),
        ("evaluation", "tiny, generalization", "predictions"),
        ("evaluation", "tiny, fidelity", "predictions"),
        ("evaluation", "tiny, transferability", "networks"),
        ("report", "tiny", "evaluations"),
    ]
    assert {row.state for row in found.rows} == {"to do"}
    assert not (tmp_path / "run").exists()


def test_what_is_done_or_failed_is_said(tiny: Path, finished: Path) -> None:
    after = outlook([load_study(tiny)], [finished], device="cpu")
    more = outlook([load_study(tiny, ("students.seeds=[0, 1]",))], [finished], device="cpu")

    assert set(states(after.rows).values()) == {"done"}
    assert after.total == 0
    assert states(more.rows)["hinton-0"] == "done"
    assert states(more.rows)["hinton-1"] == "to do"
    assert states(more.rows)["tiny"] == "to do"


def test_an_evaluation_whose_options_changed_is_to_do_and_the_report_with_it(tiny: Path, finished: Path) -> None:
    changed = outlook([load_study(tiny, ("evaluations.transferability.steps=3",))], [finished], device="cpu").rows
    added = outlook([load_study(tiny, ("evaluations.calibration={}",))], [finished], device="cpu").rows

    assert states(changed)["tiny, transferability"] == "to do"
    assert next(row for row in changed if row.name == "tiny, transferability").seconds > 0
    assert states(changed)["tiny, generalization"] == "done"
    assert states(changed)["tiny"] == "to do"
    assert states(added)["tiny, calibration"] == "to do"
    assert states(added)["tiny, generalization"] == "done"
    assert states(added)["tiny, 3 networks"] == "to do"
    assert states(added)["tiny"] == "to do"


def test_networks_that_another_run_trained_are_still_to_be_evaluated(tiny: Path, tmp_path: Path) -> None:
    more = ("name=other", "students.seeds=[0, 1]")
    run_study(load_study(tiny), tmp_path / "run", device="cpu", store=tmp_path / "jobs")
    run_study(load_study(tiny, more), tmp_path / "other", device="cpu", store=tmp_path / "jobs")

    found = outlook([load_study(tiny, more[1:])], [tmp_path / "run"], tmp_path / "jobs", device="cpu")

    assert states(found.rows)["hinton-1"] == "done"
    assert states(found.rows)["tiny, generalization"] == "to do"
    assert states(found.rows)["tiny"] == "to do"


@pytest.mark.parametrize("name", ["run.json", "results/fidelity.json"])
def test_a_damaged_record_of_results_counts_as_none(tiny: Path, finished: Path, name: str) -> None:
    (finished / name).write_text("[")

    found = outlook([load_study(tiny)], [finished], device="cpu")

    assert states(found.rows)["tiny, fidelity"] == states(found.rows)["tiny"] == "to do"


def test_results_of_an_evaluation_that_was_still_to_come_when_the_run_was_stopped_count_as_none(
    tiny: Path, finished: Path
) -> None:
    facts = json.loads((finished / "run.json").read_text())
    facts |= {"evaluations": ["generalization"], "to_come": ["fidelity", "transferability"]}
    (finished / "run.json").write_text(json.dumps(facts))

    found = states(outlook([load_study(tiny)], [finished], device="cpu").rows)

    assert (found["tiny, generalization"], found["tiny, fidelity"], found["tiny"]) == ("done", "to do", "to do")


def test_what_two_studies_share_is_counted_once(tiny: Path, tmp_path: Path) -> None:
    one, two = load_study(tiny), load_study(tiny, ("name=other", "students.methods.sp={}"))

    found = outlook([one, two], [tmp_path / "a", tmp_path / "b"], tmp_path / "jobs", device="cpu")

    trainings = [row.name for row in found.rows if row.kind in ("teacher", "student")]
    assert trainings == ["cifar_wrn_10_1-7", "baseline-0", "hinton-0", "sp-0"]


def test_trainings_on_another_number_of_threads_are_others(tiny: Path, finished: Path) -> None:
    found = outlook([load_study(tiny)], [finished], device="cpu", threads=2)

    assert states(found.rows)["hinton-0"] == "to do"


def test_a_teacher_that_parts_share_predicts_once(tiny: Path, tmp_path: Path) -> None:
    wide = (
        "students=[{architecture: cifar_wrn_10_1, methods: [baseline], seeds: [0]}, "
        "{architecture: cifar_resnet8, methods: [at], seeds: [0]}]"
    )

    found = outlook([load_study(tiny, (wide,))], [tmp_path / "run"], device="cpu")

    assert "tiny, 3 networks" in states(found.rows)


def test_data_that_is_not_here_is_planned_for_by_its_size(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROBUSTKD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    found = outlook([load_study(tiny, ("data.name=cifar100",))], [tmp_path / "run"], device="cpu")

    assert found.absent == ["cifar100"]
    assert len(found.waiting) == 3
    assert found.total > 0


def test_a_stand_in_has_the_size_of_what_it_stands_for() -> None:
    made_up = stand_in("cifar100")

    assert made_up is not None
    assert (len(made_up.training), len(made_up.test), made_up.test.shape, made_up.num_classes) == (
        50_000,
        10_000,
        (3, 32, 32),
        100,
    )
    assert stand_in("digits") is None
