"""Studies whose teacher was trained elsewhere."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from robustkd.data import Dataset, load_dataset
from robustkd.errors import ModelError, StudyError
from robustkd.models import create_model, load_model
from robustkd.studies import load_study, run_study
from robustkd.studies.outlook import outlook
from robustkd.studies.plan import plan
from robustkd.studies.study_file import study_yaml

STUDY = """
name: given
data: {{name: digits, train_images: 60}}
teacher: {teacher}
students: {{architecture: cifar_wrn_10_1, methods: [baseline, hinton], seeds: 0}}
training: {{epochs: 1, milestones: []}}
evaluations: [generalization]
"""

TEACHER = "{path: nets/t.pth, architecture: cifar_resnet8, mean: [0.3], std: [0.4]}"


@pytest.fixture
def folder(tmp_path: Path, own_plugins: None) -> Path:
    (tmp_path / "nets").mkdir()
    (tmp_path / "theirs.py").write_text("from torch import nn\n\n\ndef net():\n    return nn.Flatten()\n")
    for seed, name in enumerate(("t", "other")):
        network = create_model("cifar_resnet8", num_classes=10, in_chans=1, seed=seed).module
        torch.save(
            {f"module.{key}": tensor for key, tensor in network.state_dict().items()}, tmp_path / f"nets/{name}.pth"
        )
    wide = create_model("cifar_resnet8", num_classes=20, in_chans=1, seed=3).module
    torch.save(wide.state_dict(), tmp_path / "nets/wide.pth")
    return tmp_path


@pytest.fixture(scope="module")
def data() -> Dataset:
    digits = load_dataset("digits")
    return replace(digits, train=digits.training.subset(torch.arange(60)))


def written(folder: Path, teacher: str = TEACHER) -> Path:
    (folder / "study.yaml").write_text(STUDY.format(teacher=teacher))
    return folder / "study.yaml"


def test_a_given_teacher_is_not_trained_and_teaches_as_it_was_given(folder: Path) -> None:
    report = run_study(load_study(written(folder)), folder / "run", device="cpu")

    assert not report.missing
    jobs = {json.loads(file.read_text())["name"]: file.parent for file in (folder / "run" / "jobs").glob("*/job.json")}
    assert set(jobs) == {"cifar_resnet8", "baseline-0", "hinton-0"}
    stored = load_model(jobs["cifar_resnet8"] / "model.safetensors")
    theirs = load_model(folder / "nets" / "t.pth", architecture="cifar_resnet8", mean=[0.3], std=[0.4])
    images = load_dataset("digits").test.pixels(0, 8)
    assert torch.equal(stored(images), theirs(images))
    teacher = json.loads((folder / "run" / "run.json").read_text())["members"][0]
    assert (teacher["role"], teacher["source"], teacher["seed"]) == ("teacher", "t.pth", None)
    assert teacher["normalisation"] == "given by the user"
    assert "prefix 'module.' removed" in teacher["notes"]


def test_running_again_trains_nothing_and_another_teacher_trains_its_students_only(folder: Path, data: Dataset) -> None:
    def ids(teacher: str) -> dict[str, str]:
        return {job.name: job.id for job in plan(load_study(written(folder, teacher)), data).jobs}

    first, again, other = ids(TEACHER), ids(TEACHER), ids(TEACHER.replace("t.pth", "other.pth"))

    assert first == again
    assert {name for name in first if first[name] != other[name]} == {"cifar_resnet8", "hinton-0"}


def test_an_outlook_has_nothing_to_do_for_a_given_teacher(folder: Path) -> None:
    rows = outlook([load_study(written(folder))], [folder / "run"], device="cpu").rows

    assert [row.state for row in rows if row.kind == "teacher"] == ["done"]
    assert not (folder / "run").exists()


def test_outputs_of_a_wide_teacher_are_chosen(folder: Path, data: Dataset) -> None:
    classes = list(range(10, 20))
    study = load_study(written(folder, f"{{path: nets/wide.pth, architecture: cifar_resnet8, classes: {classes}}}"))

    (teacher,) = [job.given for job in plan(study, data).jobs if job.given is not None]
    (folder / "held.safetensors").write_bytes(teacher.checkpoint)

    images = data.test.pixels(0, 4)
    whole = load_model(folder / "nets" / "wide.pth", architecture="cifar_resnet8")
    assert torch.equal(load_model(folder / "held.safetensors", num_classes=10)(images), whole(images)[:, 10:])


def test_only_the_keys_that_matter_are_written(folder: Path) -> None:
    given = yaml.safe_load(study_yaml(load_study(written(folder))))["teacher"]
    trained = yaml.safe_load(study_yaml(load_study(written(folder, "{architecture: cifar_resnet8, seeds: 5}"))))[
        "teacher"
    ]

    assert given["path"] == str(folder / "nets" / "t.pth")
    assert {"seeds", "training"}.isdisjoint(given)
    assert trained == {"architecture": "cifar_resnet8", "seeds": [5], "training": {}}


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("{path: nets/t.pth, architecture: cifar_resnet8, seeds: 3}", r"teacher\.seeds: the teacher is given and not"),
        ("{path: nets/t.pth, training: {epochs: 3}}", r"teacher\.training: the teacher is given and not trained"),
        ("{architecture: cifar_resnet8, mean: [0.5]}", r"teacher\.mean: this is for a teacher that is given"),
        ("{seeds: 3}", "teacher: the key architecture is missing, or the path"),
        ("{path: nets/t.pth, image_size: 0}", r"teacher\.image_size: must be greater than or equal to 1"),
        ("{path: nets/t.pth, men: [0.5]}", r"unknown key 'men'"),
    ],
)
def test_keys_that_do_not_fit_are_named(teacher: str, message: str, folder: Path) -> None:
    with pytest.raises(StudyError, match=message):
        load_study(written(folder, teacher))


@pytest.mark.parametrize(
    ("teacher", "error", "message"),
    [
        ("{path: nets/none.pth}", ModelError, r"teacher: .*none\.pth: no such file"),
        ("{path: nets/wide.pth, architecture: cifar_resnet8}", ModelError, "teacher: .*has 20 classes, not 10"),
        (
            '{architecture: "theirs.py::net"}',
            StudyError,
            r"teacher: is a net\(\)-.*must be a network of timm or robustkd",
        ),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused_before_anything_is_written(
    teacher: str, error: type[Exception], message: str, folder: Path
) -> None:
    with pytest.raises(error, match=message):
        run_study(load_study(written(folder, teacher)), folder / "run", device="cpu")

    assert not (folder / "run").exists()
