import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from robustkd.data import Augmentation
from robustkd.distillation.turns import Turns
from robustkd.errors import StudyError
from robustkd.models import load_model
from robustkd.studies import load_study, run_study, training
from robustkd.studies.executors import in_turns
from robustkd.studies.training import Trained, Training


def watch(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the titles of the jobs that are trained from now on."""
    trained: list[str] = []

    def perform(job: Training, *rest: Any) -> Turns[Trained]:
        trained.append(job.title)
        return training.perform_in_turns(job, *rest)

    monkeypatch.setattr(in_turns, "perform_in_turns", perform)
    return trained


def test_a_study_trains_evaluates_and_reports(run_once: Path) -> None:
    assert (run_once / "report" / "index.html").is_file()
    jobs = sorted(folder.name.rsplit("-", 1)[0] for folder in (run_once / "jobs").glob("[!.]*"))
    assert jobs == ["student-baseline-0", "student-hinton-0", "teacher-cifar_wrn_10_1-7"]


def test_checkpoints_tell_where_they_come_from(run_once: Path) -> None:
    (file,) = (run_once / "jobs").glob("student-hinton-0-*/model.safetensors")
    lineage = load_model(file).lineage
    assert (lineage["method"], lineage["seed"], lineage["select"]) == ("hinton", 0, "last")
    assert lineage["options"] == {
        "kd_weight": 0.9,
        "ce_weight": None,
        "temperature": 4.0,
        "variant": "original",
        "standardise_logits": False,
    }
    history = pd.read_csv(file.with_name("history.csv"))
    assert {"epoch", "learning_rate", "loss", "loss_kd", "train_accuracy", "test_accuracy"} <= set(history.columns)


def test_the_rule_by_which_a_network_was_chosen_is_in_checkpoint_results_and_report(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("students.methods={baseline: , dml: }", "training.select=test"))

    evaluated = run_study(study, tmp_path / "run", device="cpu")

    (file,) = (tmp_path / "run" / "jobs").glob("student-dml-0-*/model.safetensors")
    lineage = load_model(file).lineage
    accuracies = lineage["candidate_accuracies"]
    rows = evaluated.results["generalization"].query("member == 'dml-0' and metric == 'accuracy'")
    assert len(accuracies) == 2
    assert lineage["chosen"] == f"{accuracies.index(max(accuracies)) + 1} of 2"
    assert rows["value"].tolist() == [pytest.approx(max(accuracies))]
    run = json.loads((tmp_path / "run" / "run.json").read_text())
    (recorded,) = (member["lineage"] for member in run["members"] if member["member"] == "dml-0")
    assert recorded["select"] == "test"
    assert "most accurate on the TEST set" in (tmp_path / "run" / "report" / "report.md").read_text()


def test_finished_jobs_are_not_repeated(tiny: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = watch(monkeypatch)

    run_study(load_study(tiny), finished, device="cpu")

    assert trained == []


def test_a_new_seed_trains_only_itself(tiny: Path, finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = watch(monkeypatch)

    run_study(load_study(tiny, ("students.seeds=[0, 1]",)), finished, device="cpu")

    assert trained == ["baseline-1", "hinton-1"]


def test_a_damaged_checkpoint_is_trained_anew(tiny: Path, finished: Path) -> None:
    first = pd.read_parquet(finished / "results" / "fidelity.parquet")
    (file,) = (finished / "jobs").glob("student-hinton-0-*/model.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    run_study(load_study(tiny), finished, device="cpu")

    assert file.read_bytes() == whole
    pd.testing.assert_frame_equal(first, pd.read_parquet(finished / "results" / "fidelity.parquet"))


def test_a_study_may_replace_the_augmentation(tiny: Path) -> None:
    study = load_study(tiny, ("data.augmentation={crop_padding: 2, horizontal_flip: true}",))

    assert study.data.augmentation == Augmentation(crop_padding=2, horizontal_flip=True)


def test_images_for_evaluation_only_are_refused(tiny: Path, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "photos" / "cats").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "cats" / "one.png")
    study = load_study(tiny, (f"data.name=folder:{tmp_path / 'photos'}",))

    with pytest.raises(StudyError, match="use robustkd evaluate"):
        run_study(study, tmp_path / "run", device="cpu")


def test_a_run_says_of_how_many_seeds_its_teacher_was_chosen(tiny: Path, tmp_path: Path) -> None:
    rule = ("teacher.seeds=[7, 8]", "training.select=test", "evaluations=[generalization]")

    run = run_study(load_study(tiny, rule), tmp_path / "run", device="cpu").path

    said = json.loads((run / "run.json").read_text())["selection"]
    assert said.endswith("; the teacher is the most accurate of 2 seeds on the TEST set")
    assert said in (run / "report" / "report.md").read_text()


def test_students_of_another_teacher_are_trained_and_measured_as_controls(tiny: Path, tmp_path: Path) -> None:
    other = "students.control_teacher={architecture: cifar_wrn_10_1, seeds: 8}"
    study = load_study(tiny, (other, "evaluations={fidelity: }"))

    evaluated = run_study(study, tmp_path / "run", device="cpu")

    jobs = sorted(folder.name.rsplit("-", 1)[0] for folder in (tmp_path / "run" / "jobs").glob("[!.]*"))
    assert jobs == [
        "student-baseline-0",
        "student-hinton-0",
        "student-hinton-of-another-teacher-0",
        "teacher-cifar_wrn_10_1-7",
        "teacher-cifar_wrn_10_1-8",
    ]
    frame = evaluated.results["fidelity"]
    roles = dict(zip(frame["method"], frame["role"], strict=True))
    assert roles == {"baseline": "baseline", "hinton": "student", "hinton of another teacher": "control"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("students.control_teacher={architecture: cifar_wrn_10_1, seeds: 7}", "with seed 7 it is the teacher itself"),
        ("students.control_teacher={architecture: cifar_wrn_10_1, seeds: 0}", "not independent of the teacher"),
    ],
)
def test_a_control_needs_another_teacher(tiny: Path, change: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        load_study(tiny, (change,))


def test_a_study_may_use_a_part_of_the_test_images(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("data.test_images=100", "students.methods=[baseline]", "evaluations=[generalization]"))

    evaluated = run_study(study, tmp_path / "run", device="cpu")

    assert set(evaluated.results["generalization"]["n"]) == {100}
    assert "(100 test images, a sample)" in evaluated.page.read_text()
