"""Teachers of a study: ensembles, chains of assistants, several by name, other conditions; entries of one method."""

from pathlib import Path

import pytest
import torch

from robustkd.data import Dataset, load_dataset
from robustkd.distillation import METHODS
from robustkd.errors import ModelError, StudyError
from robustkd.models import create_model, load_model, save_model
from robustkd.models.ensembles import members_of
from robustkd.studies import load_study, run_study
from robustkd.studies.job import Job
from robustkd.studies.outlook import outlook
from robustkd.studies.plan import plan
from robustkd.studies.store import Store
from robustkd.studies.study_file import study_yaml

STUDY = """
name: taught
data: {name: digits, train_images: 60, test_images: 40}
teacher: TEACHER
students:
  architecture: cifar_resnet8
  methods: METHODS
  seeds: 0
training: {epochs: 1, milestones: []}
evaluations: [generalization, fidelity]
"""
SMALL = "{architecture: cifar_wrn_10_1, seeds: 7"


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "study.yaml"


def written(file: Path, teacher: str = f"{SMALL}}}", methods: str = "[baseline, hinton]", *, more: str = "") -> Path:
    file.write_text(STUDY.replace("TEACHER", teacher).replace("METHODS", methods) + more)
    return file


def jobs_of(file: Path, data: Dataset) -> dict[str, Job]:
    return {job.name: job for job in plan(load_study(file), data).jobs}


def refused(file: Path, pattern: str) -> None:
    with pytest.raises(StudyError, match=pattern) as caught:
        load_study(file)
    assert "\n" not in str(caught.value)


def test_an_ensemble_is_as_many_networks_of_consecutive_seeds(study: Path, digits: Dataset) -> None:
    jobs = jobs_of(written(study, f"{SMALL}, members: 3}}"), digits)

    names = ["cifar_wrn_10_1-7", "cifar_wrn_10_1-8", "cifar_wrn_10_1-9"]
    assert list(jobs)[:3] == names
    assert [teacher.name for teacher in jobs["hinton-0"].teachers] == names
    assert jobs["hinton-0"].teaching == "probabilities"


def test_the_way_that_members_are_combined_is_part_of_what_a_student_is(study: Path, digits: Dataset) -> None:
    ids = [
        jobs_of(written(study, f"{SMALL}, members: 2, combine: {combine}}}"), digits)["hinton-0"].id
        for combine in ("probabilities", "logits")
    ]

    assert ids[0] != ids[1]


def test_students_learn_from_the_mean_of_an_ensemble_and_are_compared_with_it(
    study: Path, tmp_path: Path, digits: Dataset
) -> None:
    file = written(study, f"{SMALL}, members: 2, combine: logits}}")

    run_study(load_study(file), tmp_path / "run", device="cpu")

    store, jobs = Store(tmp_path / "run" / "jobs"), jobs_of(file, _as_studied(file))
    loaded = {name: load_model(store.find(job) / "model.safetensors") for name, job in jobs.items()}  # type: ignore[operator]
    assert loaded["hinton-0"].lineage["teacher_job"] == ", ".join(
        jobs[name].id for name in ("cifar_wrn_10_1-7", "cifar_wrn_10_1-8")
    )
    report = (tmp_path / "run" / "run.json").read_text()
    assert "ensemble of 2 cifar_wrn_10_1" in report


def _as_studied(file: Path) -> Dataset:
    from robustkd.studies.execute import study_data

    return study_data(load_study(file), None)


def test_an_ensemble_lacks_no_member(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(study, f"{SMALL}, members: 2}}")
    trained = METHODS["baseline"].forward

    def failing(self: object, batch: object) -> object:
        if self.student.digest() == broken:  # type: ignore[attr-defined]
            raise RuntimeError("no such luck")
        return trained(self, batch)  # type: ignore[arg-type]

    broken = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=8).digest()
    monkeypatch.setattr(METHODS["baseline"], "forward", failing)

    report = run_study(load_study(file), tmp_path / "run", device="cpu")

    assert report.missing["hinton-0"] == "its teacher cifar_wrn_10_1-8 failed"
    assert "fidelity" not in report.results


def test_members_may_be_of_other_architectures_or_given(study: Path, tmp_path: Path, digits: Dataset) -> None:
    given = create_model("cifar_resnet14", num_classes=10, in_chans=1, seed=3)
    save_model(given, tmp_path / "given.safetensors", {})
    members = "{members: [{architecture: cifar_wrn_10_1, seed: 7}, {path: given.safetensors}]}"

    teachers = jobs_of(written(study, members), digits)["hinton-0"].teachers

    assert [teacher.settings["architecture"] for teacher in teachers] == ["cifar_wrn_10_1", "cifar_resnet14"]
    assert [teacher.given is None for teacher in teachers] == [True, False]


def test_each_assistant_learns_from_the_network_before_it(study: Path, digits: Dataset) -> None:
    chain = "assistants: [cifar_resnet14, {architecture: cifar_wrn_10_2, method: at, seed: 4}]"

    jobs = jobs_of(written(study, f"{SMALL}, {chain}}}"), digits)

    first, second = jobs["assistant-cifar_resnet14-0"], jobs["assistant-cifar_wrn_10_2-4"]
    assert first.teachers == (jobs["cifar_wrn_10_1-7"],)
    assert second.teachers == (first,)
    assert second.settings["method"] == "at"
    assert jobs["hinton-0"].teachers == (second,)
    assert list(jobs) == [
        "cifar_wrn_10_1-7",
        "assistant-cifar_resnet14-0",
        "assistant-cifar_wrn_10_2-4",
        "baseline-0",
        "hinton-0",
    ]


def test_an_entry_may_have_its_own_assistants_and_its_own_teacher(study: Path, digits: Dataset) -> None:
    methods = """
    baseline:
    hinton:
    direct: {method: hinton, assistants: []}
    other: {method: hinton, assistants: [], teacher: {architecture: cifar_wrn_10_2, seeds: 9}}
"""
    jobs = jobs_of(written(study, f"{SMALL}, assistants: [cifar_resnet14]}}", methods), digits)

    assert jobs["hinton-0"].teachers == (jobs["assistant-cifar_resnet14-0"],)
    assert jobs["direct-0"].teachers == (jobs["cifar_wrn_10_1-7"],)
    assert jobs["other-0"].teachers == (jobs["cifar_wrn_10_2-9"],)


def test_an_entry_with_its_own_teacher_is_no_control(study: Path, digits: Dataset) -> None:
    methods = "{baseline: {}, hinton: {}, other: {method: hinton, teacher: {architecture: cifar_wrn_10_2, seeds: 9}}}"
    file = written(study, methods=methods)
    control = "  control_teacher: {architecture: cifar_wrn_10_1, seeds: 8}\n  seeds: 0\n"
    file.write_text(file.read_text().replace("  seeds: 0\n", control))

    jobs = plan(load_study(file), digits).jobs

    assert [job.name for job in jobs if job.role == "control"] == ["hinton-of-another-teacher-0"]
    assert len({job.id for job in jobs}) == len(jobs)


def test_the_teacher_of_an_entry_may_be_given_beside_the_study_file(
    study: Path, tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(create_model("cifar_resnet14", num_classes=10, in_chans=1, seed=3), tmp_path / "given.safetensors", {})
    methods = "{baseline: {}, hinton: {}, other: {method: hinton, teacher: {path: given.safetensors}}}"
    monkeypatch.chdir("/")

    jobs = jobs_of(written(study, methods=methods), digits)

    assert [teacher.given is not None for teacher in jobs["other-0"].teachers] == [True]


def test_every_job_has_a_title_of_its_own(study: Path, digits: Dataset) -> None:
    teachers = f"\n  teachers: {{short: {SMALL}}}, long: {SMALL}, training: {{epochs: 2}}}}}}"
    methods = """
    baseline:
    hinton: {assistants: [cifar_resnet14]}
    at: {assistants: [{architecture: cifar_resnet14, method: at}]}
"""
    study.write_text(STUDY.replace("teacher: TEACHER\n", "").replace("METHODS", methods + teachers[1:]))

    planned = plan(load_study(study), digits)

    titles = [planned.title(job) for job in planned.jobs]
    assert len(set(titles)) == len(titles) == 11
    assert titles[0] == "cifar_wrn_10_1-7, short"


def test_a_chain_is_trained_and_continued_as_any_other_job(study: Path, tmp_path: Path) -> None:
    file = written(study, f"{SMALL}, assistants: [cifar_resnet14]}}")
    run_study(load_study(file), tmp_path / "run", device="cpu")

    rows = outlook([load_study(file)], [tmp_path / "run"], device="cpu").rows

    trained = {row.name: row for row in rows if row.kind in ("teacher", "student")}
    assert {row.state for row in trained.values()} == {"done"}
    assert trained["hinton-0"].waits_for == "assistant-cifar_resnet14-0"


def test_a_plan_counts_every_member_that_a_student_asks(study: Path, tmp_path: Path) -> None:
    methods = """
    hinton:
    pair: {method: hinton, teacher: {members: [{architecture: cifar_wrn_10_1}, {architecture: cifar_resnet14}]}}
    three: {method: hinton, teacher: {architecture: cifar_wrn_10_1, seeds: 7, members: 3}}
"""

    rows = outlook([load_study(written(study, methods=methods))], [tmp_path / "run"], device="cpu").rows

    seconds = {row.name: row.seconds for row in rows}
    assert seconds["hinton-0"] < seconds["pair-0"]
    assert seconds["hinton-0"] < seconds["three-0"]


def test_a_larger_assistant_is_allowed_and_said(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(study, f"{SMALL}, assistants: [cifar_wrn_10_2]}}", "[hinton]")

    run_study(load_study(file), tmp_path / "run", device="cpu")

    assert "cifar_wrn_10_2: is larger than cifar_wrn_10_1, which teaches it" in capsys.readouterr().err


def test_there_are_students_of_each_named_teacher(study: Path, tmp_path: Path, digits: Dataset) -> None:
    teachers = f"\n  teachers: {{small: {SMALL}}}, pair: {SMALL}, members: 2}}}}"
    study.write_text(STUDY.replace("teacher: TEACHER\n", "").replace("METHODS", "[baseline, hinton]" + teachers))

    planned = plan(load_study(study), digits)
    report = run_study(load_study(study), tmp_path / "run", device="cpu")

    groups = ["cifar_resnet8, teacher small", "cifar_resnet8, teacher pair"]
    assert [part.group for part in planned.parts] == groups
    assert [len(part.teachers) for part in planned.parts] == [1, 2]
    assert sum(job.name == "baseline-0" for job in planned.jobs) == 1
    assert set(report.results["fidelity"]["group"]) == set(groups)


def test_a_teacher_may_be_trained_under_another_condition_and_by_another_method(study: Path, digits: Dataset) -> None:
    file = written(
        study,
        f"{SMALL}, condition: clean, method: {{one: {{}}}}}}",
        more="conditions: [{label_noise: {rate: 0.4}}]\n",
    )

    jobs = plan(load_study(file), digits).jobs

    assert [(job.name, job.label) for job in jobs] == [
        ("cifar_wrn_10_1-one-7", "clean"),
        ("baseline-0", "label noise 40%"),
        ("hinton-0", "label noise 40%"),
    ]


def test_one_method_may_have_several_entries(study: Path, tmp_path: Path) -> None:
    methods = """
    baseline:
    hinton:
    cold: {method: hinton, temperature: 1}
    smooth: {method: baseline, training: {label_smoothing: 0.1}}
"""
    file = written(study, methods=methods)

    report = run_study(load_study(file), tmp_path / "run", device="cpu")

    roles = report.results["generalization"].groupby("method")["role"].first()
    assert roles.to_dict() == {
        "teacher": "teacher",
        "baseline": "baseline",
        "hinton": "student",
        "cold": "student",
        "smooth": "student",
    }
    cold = load_study(file).students[0].methods["cold"]
    assert (cold["method"], cold["temperature"], cold["kd_weight"]) == ("hinton", 1.0, 0.9)


@pytest.mark.parametrize(
    "teacher",
    [
        f"{SMALL}, members: 3, combine: logits}}",
        f"{SMALL}, assistants: [cifar_resnet14]}}",
        "{members: [{architecture: cifar_wrn_10_1, seed: 7}, {architecture: cifar_resnet14, training: {epochs: 2}}]}",
        f"{SMALL}, condition: {{label_noise: {{rate: 0.2}}}}}}",
    ],
)
def test_what_a_study_resolves_to_is_the_same_study(study: Path, tmp_path: Path, teacher: str) -> None:
    once = study_yaml(load_study(written(study, teacher)))
    (tmp_path / "again.yaml").write_text(once)

    assert study_yaml(load_study(tmp_path / "again.yaml")) == once


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (f"{SMALL}, members: 0}}", r"teacher\.members.*must be greater than or equal to 1"),
        (f"{SMALL}, combine: logits}}", r"teacher\.combine: is for an ensemble: add the key members"),
        (f"{SMALL}, members: 3, combine: mean}}", r"teacher\.combine: must be 'probabilities' or 'logits'"),
        (
            "{architecture: cifar_wrn_10_1, seeds: [1, 2], members: 3}",
            r"teacher\.seeds: give one seed, the first, or",
        ),
        (f"{SMALL}, assistants: [cifar_resnt14]}}", r"assistants\.0\.architecture: .*did you mean cifar_resnet14"),
        (
            f"{SMALL}, assistants: [{{architecture: cifar_wrn_10_1, seed: 7}}]}}",
            r"assistants\.0\.seed: .*is the",
        ),
        (f"{SMALL}, assistants: [cifar_resnet14, cifar_resnet14]}}", r"assistants\.1: .* is in the chain twice"),
        (f"{SMALL}, assistants: [{{architecture: cifar_resnet14, method: dml}}]}}", r"dml learns from no teacher"),
        (f"{SMALL}, method: hinton}}", r"teacher\.method: hinton needs a teacher, and this is the teacher"),
        (f"{SMALL}, condition: {{label_noise: {{rat: 1}}}}}}", r"teacher\.condition\.label_noise\.rat: unknown key"),
        (
            "{members: [{architecture: cifar_wrn_10_1}, {architecture: cifar_wrn_10_1}]}",
            r"members\.1\.seed: is the same network as another member",
        ),
        (
            "{members: [{architecture: cifar_wrn_10_1, mean: [0.5]}, {architecture: cifar_resnet14}]}",
            r"members\.0\.mean: this is for a network that is given",
        ),
        (
            "{architecture: cifar_resnet14, members: [{architecture: cifar_wrn_10_1}, {architecture: cifar_resnet14}]}",
            r"teacher\.architecture: each of the members has its own",
        ),
        ("{architecture: cifar_resnet8, seeds: 9, members: 3}", None),
        ("{architecture: cifar_resnet8, seeds: 100, members: 3}", None),
        ("{architecture: cifar_resnet8, seeds: [0, 1], members: 2}", r"teacher\.seeds: with seed 0 the teacher is"),
    ],
)
def test_a_teacher_that_does_not_work_is_refused_at_its_place(study: Path, teacher: str, message: str | None) -> None:
    file = written(study, teacher)

    if message is None:
        assert load_study(file).teacher is not None
    else:
        refused(file, message)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        ("{at: {method: hinton}}", r"methods\.at: is the name of a method, and the entry is of the method hinton"),
        ("{x/y: {method: hinton}}", r"methods\.x/y: a name must begin with a letter"),
        ("{cold: {method: hintn}}", r"methods\.cold: unknown method 'hintn': did you mean hint"),
        ("{cold: {method: hinton, temprature: 1}}", r"cold\.temprature: unknown key 'temprature': did you mean temp"),
        ("{baseline: {assistants: [cifar_resnet14]}}", r"assistants: baseline learns from no teacher"),
        (
            "{near: {method: hinton, training: {init: {near_teacher: 1.5}}}}",
            r"near_teacher: must be less than",
        ),
        (
            "{mixed: {method: hinton, training: {distillation_data: {mixng: mixup}}}}",
            r"unknown key 'mixng': did you",
        ),
        (
            "{more: {method: hinton, training: {distillation_data: {extra: {data: mnst, ratio: 1}}}}}",
            r"more\.training\.distillation_data\.extra\.data: unknown data set 'mnst'.* \(or noise, or images:PATH\)",
        ),
    ],
)
def test_an_entry_that_does_not_work_is_refused_at_its_place(study: Path, methods: str, message: str) -> None:
    refused(written(study, methods=methods), message)


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (
            "{dkd: {training: {distillation_data: {mixing: mixup}}}}",
            r"methods\.dkd: .*dkd needs one label for each",
        ),
        ("{near: {method: hinton, training: {init: shared}}}", r"methods\.near: init: hinton .*cifar_wrn_10_1"),
        ("{baseline: {training: {init: shared}}, hinton: {}}", r"methods\.baseline: init: baseline has no teacher"),
        (
            "{hinton: {assistants: [{architecture: cifar_resnet14, training: {init: shared}}]}}",
            r"methods\.hinton\.assistants\.hinton: init: hinton has a cifar_resnet14 begin with a cifar_wrn_10_1",
        ),
        (
            "{hinton: {teacher: {architecture: cifar_resnet14, seeds: 9, training: {init: shared}}}}",
            r"teacher\.method\.baseline: init: baseline has no teacher",
        ),
        (
            "{at: {training: {distillation_data: {extra: {data: noise, ratio: 1, temperature: 1}}}}}",
            r"at has no temperature of its own",
        ),
        (
            "{hinton: {kd_weight: 1.5}}",
            r"taught: students\.0\.methods\.hinton: kd_weight is 1\.5: above 1, give ce_weight too",
        ),
        (
            "{mkd: {weights: [1, 2], teacher: {architecture: cifar_resnet14, seeds: 9, members: 3}}}",
            r"taught: students\.0\.methods\.mkd: the teacher has 3 members, and there are 2 weights",
        ),
    ],
)
def test_what_a_method_can_make_nothing_of_is_refused_before_anything_is_trained(
    study: Path, tmp_path: Path, methods: str, message: str
) -> None:
    file = written(study, methods=methods)

    with pytest.raises(StudyError, match=message) as caught:
        run_study(load_study(file), tmp_path / "run", device="cpu")

    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run" / "jobs").exists()


def test_members_of_other_classes_are_refused(study: Path, tmp_path: Path) -> None:
    save_model(create_model("cifar_resnet8", num_classes=7, in_chans=1, seed=3), tmp_path / "seven.safetensors", {})
    members = "{members: [{architecture: cifar_wrn_10_1, seed: 7}, {path: seven.safetensors}]}"

    with pytest.raises(ModelError, match=r"teacher\.members\.1: .*7"):
        run_study(load_study(written(study, members)), tmp_path / "run", device="cpu")


def test_networks_normalise_as_the_data_says(study: Path, tmp_path: Path, digits: Dataset) -> None:
    file = written(study)
    plain = jobs_of(file, digits)
    file.write_text(file.read_text().replace("test_images: 40", "test_images: 40, mean: [0.3], std: [0.2]"))

    run_study(load_study(file), tmp_path / "run", device="cpu")

    normalised = jobs_of(file, _as_studied(file))
    store = Store(tmp_path / "run" / "jobs")
    for name, job in normalised.items():
        folder = store.find(job)
        assert folder is not None
        assert load_model(folder / "model.safetensors").mean.flatten().tolist() == pytest.approx([0.3])
        assert plain[name].id != job.id
    refused(_without_std(file), r"data: give both mean and std, or neither")


def _without_std(file: Path) -> Path:
    file.write_text(file.read_text().replace(", std: [0.2]", ""))
    return file


def test_the_members_of_an_ensemble_predict_their_mean() -> None:
    from robustkd.models.ensembles import ensemble

    networks = [create_model("cifar_resnet8", num_classes=10, seed=seed).eval() for seed in range(2)]
    pixels = torch.rand(3, 3, 8, 8)
    with torch.no_grad():
        logits = torch.stack([network(pixels).double() for network in networks])
        found = {mean: ensemble(networks, mean)(pixels).double() for mean in ("probabilities", "logits")}  # type: ignore[arg-type]

    assert members_of(ensemble(networks)) == networks
    assert torch.allclose(found["logits"], logits.mean(0), atol=1e-6)
    assert torch.allclose(found["probabilities"].softmax(1), logits.softmax(2).mean(0), atol=1e-6)
