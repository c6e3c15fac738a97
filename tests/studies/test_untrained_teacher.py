"""Studies whose teacher keeps its initial weights, as a control."""

import json
from pathlib import Path

import pytest

from robustkd.data import Dataset, load_dataset
from robustkd.distillation.initial_weights import begun
from robustkd.distillation.initialisation import Initialisation
from robustkd.errors import StudyError
from robustkd.models import create_model, load_model
from robustkd.results.records import Records
from robustkd.studies import load_study, run_study
from robustkd.studies.job import Job
from robustkd.studies.outlook import outlook
from robustkd.studies.plan import plan
from robustkd.studies.study_file import study_yaml

STUDY = """
name: random
data: {name: digits, train_images: 60, test_images: 40, mean: [0.3], std: [0.2]}
students:
  architecture: cifar_resnet8
  methods: [baseline, hinton]
  seeds: 0
  teachers: {good: {architecture: cifar_wrn_10_1, seeds: 7}, random: RANDOM}
training: {epochs: 1, milestones: []}
evaluations: [generalization, fidelity]
"""
UNTRAINED = "{architecture: cifar_wrn_10_1, seeds: 7, untrained: true"


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "study.yaml"


def written(file: Path, teacher: str = f"{UNTRAINED}}}") -> Path:
    file.write_text(STUDY.replace("RANDOM", teacher))
    return file


def taught(file: Path, data: Dataset, teacher: str = f"{UNTRAINED}}}") -> Job:
    """The student of the untrained teacher."""
    _, random = plan(load_study(written(file, teacher)), data).parts
    return next(job for job in random.students if job.teachers)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in which hinton sees nothing but the predictions of its teacher."""
    folder = tmp_path_factory.mktemp("untrained")
    file = written(folder / "study.yaml")
    file.write_text(file.read_text().replace("[baseline, hinton]", "{baseline: {}, hinton: {kd_weight: 1}}"))
    run_study(load_study(file), folder / "run", device="cpu")
    return folder / "run"


def test_it_has_the_initial_weights_of_its_seed_and_its_checkpoint_says_so(run: Path) -> None:
    (folder,) = (run / "jobs").glob("teacher-cifar_wrn_10_1-untrained-7-*")
    stored = load_model(folder / "model.safetensors")

    fresh = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, mean=[0.3], std=[0.2], seed=7)
    assert stored.digest() == fresh.digest()
    assert (stored.lineage["untrained"], stored.lineage["seed"]) == (True, 7)


def test_its_students_are_trained_beside_those_of_a_trained_teacher(run: Path) -> None:
    weights = [load_model(each).digest() for each in (run / "jobs").glob("*hinton*/model.safetensors")]

    fresh = create_model("cifar_resnet8", num_classes=10, in_chans=1, mean=[0.3], std=[0.2], seed=0)
    assert len({*weights, fresh.digest()}) == 3


def test_an_accuracy_near_chance_is_expected_of_it_and_its_students_are_not_blamed(run: Path) -> None:
    folder = run / "results"
    part = json.loads((folder / "fidelity.json").read_text())["parts"][1]

    records = Records.load(folder / part["records"], part["key"])

    judged = {check.member for check in records.checks if check.name == "better than chance"}
    assert judged == {"baseline-0"}
    assert "teacher is untrained, as a control: an accuracy near chance is expected of it" in records.notes
    assert [note for note in records.notes if "it is the untrained teacher that hinton-0 learned from" in note]


def test_a_plan_names_it_and_has_nothing_to_train_for_it(study: Path, tmp_path: Path) -> None:
    rows = outlook([load_study(written(study))], [tmp_path / "run"], device="cpu").rows

    assert ("cifar_wrn_10_1-untrained-7, random", "done") in {(row.name, row.state) for row in rows}
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "other",
    [
        UNTRAINED.replace("7", "8") + "}",
        UNTRAINED.replace("wrn_10_1", "resnet14") + "}",
        "{architecture: cifar_wrn_10_1, seeds: 7, training: {epochs: 2}}",
        f"{UNTRAINED}, members: 2}}",
    ],
)
def test_other_initial_weights_are_another_teacher(study: Path, digits: Dataset, other: str) -> None:
    assert taught(study, digits).id != taught(study, digits, other).id


def test_the_recipe_of_others_does_not_change_it(study: Path, digits: Dataset) -> None:
    before = taught(study, digits).teachers[0].id
    file = written(study)
    file.write_text(file.read_text().replace("epochs: 1", "epochs: 2"))

    _, random = plan(load_study(file), digits).parts

    assert random.teachers[0].id == before


def test_students_may_begin_as_it_did(study: Path, digits: Dataset) -> None:
    checkpoint = study.with_name("teacher.safetensors")
    teacher = taught(study, digits).teachers[0]
    assert teacher.given is not None
    checkpoint.write_bytes(teacher.given.checkpoint)
    student = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, mean=[0.3], std=[0.2], seed=0)

    student = begun(student, load_model(checkpoint), Initialisation(shared=True), digits.training)

    assert student.digest() == load_model(checkpoint).digest()


def test_it_may_be_the_control_of_a_trained_teacher_of_its_seed(study: Path, digits: Dataset) -> None:
    file = written(study)
    teachers = "  teachers: {good: {architecture: cifar_wrn_10_1, seeds: 7}, random: "
    pair = "  teacher: {architecture: cifar_wrn_10_1, seeds: 7}\n  control_teacher: "
    file.write_text(file.read_text().replace(teachers, pair).replace("true}}", "true}"))

    (part,) = plan(load_study(file), digits).parts

    (control,) = (job for job in part.students if job.role == "control")
    assert [teacher.name for teacher in control.teachers] == ["cifar_wrn_10_1-untrained-7"]


def test_what_a_study_resolves_to_is_the_same_study(study: Path, tmp_path: Path) -> None:
    once = study_yaml(load_study(written(study, f"{UNTRAINED}, members: 2}}")))
    (tmp_path / "again.yaml").write_text(once)

    assert study_yaml(load_study(tmp_path / "again.yaml")) == once


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (f"{UNTRAINED}, method: trades}}", r"random\.method: the teacher is untrained: leave this key out"),
        (f"{UNTRAINED}, training: {{epochs: 3}}}}", r"random\.training: the teacher is untrained"),
        (f"{UNTRAINED}, condition: clean}}", r"random\.condition: the teacher is untrained"),
        (f"{UNTRAINED}, assistants: [cifar_resnet14]}}", r"random\.assistants: the teacher is untrained"),
        ("{path: t.pth, untrained: true}", r"random\.untrained: is for a teacher with an architecture, and .* path"),
        (
            "{members: [{architecture: cifar_wrn_10_1}, {architecture: cifar_resnet14}], untrained: true}",
            r"random\.untrained: is for a teacher with an architecture, and this has members",
        ),
        (
            "{architecture: cifar_wrn_10_1, seeds: [7, 8], untrained: true}",
            r"random\.seeds: the teacher is untrained, and none is better than another: give one seed",
        ),
        ("{architecture: cifar_wrn_10_1, seeds: 7, untrained: 1}", r"random\.untrained: must be true or false"),
        ("{architecture: cifar_resnet8, seeds: 0, untrained: true}", r"random\.seeds: with seed 0 the teacher is"),
    ],
)
def test_what_an_untrained_teacher_cannot_have_is_refused_at_its_place(study: Path, teacher: str, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        load_study(written(study, teacher))

    assert "\n" not in str(caught.value)


def test_its_network_is_deterministic(study: Path, digits: Dataset) -> None:
    first, again = (taught(study, digits).teachers[0] for _ in range(2))

    assert first.given is not None
    assert again.given is not None
    assert first.id == again.id
    assert first.given.checkpoint == again.given.checkpoint
