"""Conditions under which not all networks of a study are trained on the same images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import robustkd as rk
from robustkd.data import Dataset, load_dataset
from robustkd.data.conditions.backdoor import Backdoor
from robustkd.errors import BadInputError
from robustkd.models import load_model
from robustkd.studies import load_study, run_study
from robustkd.studies.evaluate_models import evaluate
from robustkd.studies.plan import Plan, plan

from ..conftest import network

BOTH = ("conditions=[clean, {backdoor: {rate: 0.1, size: 2}}]",)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("digits")


def ids(planned: Plan) -> list[dict[str, str]]:
    return [{"teacher" if job.role == "teacher" else job.name: job.id for job in part.jobs} for part in planned.parts]


def test_with_a_poisoned_teacher_the_baseline_is_the_clean_one(tiny: Path, digits: Dataset) -> None:
    clean, poisoned = ids(plan(load_study(tiny, BOTH), digits))

    assert poisoned["baseline-0"] == clean["baseline-0"]
    assert poisoned["teacher"] != clean["teacher"]
    assert poisoned["hinton-0"] != clean["hinton-0"]


def test_with_poison_for_all_no_network_is_the_clean_one(tiny: Path, digits: Dataset) -> None:
    study = load_study(tiny, ("conditions=[clean, {backdoor: {rate: 0.1, size: 2, poisoned: all}}]",))

    clean, poisoned = ids(plan(study, digits))

    assert all(poisoned[name] != clean[name] for name in clean)


def test_another_trigger_is_another_training(tiny: Path, digits: Dataset) -> None:
    """The poisoned images and their labels are the same; only pixels differ."""
    teachers = {
        ids(plan(load_study(tiny, (f"conditions=[{{backdoor: {{size: {size}}}}}]",)), digits))[0]["teacher"]
        for size in (2, 3)
    }

    assert len(teachers) == 2


def test_images_held_out_for_the_teacher_change_all_but_the_teacher(tiny: Path, digits: Dataset) -> None:
    clean, members = ids(plan(load_study(tiny, ("conditions=[clean, membership]",)), digits))

    assert members["teacher"] == clean["teacher"]
    assert members["baseline-0"] != clean["baseline-0"]


def test_networks_of_one_condition_are_compared_and_say_what_they_were_trained_on(tiny: Path, tmp_path: Path) -> None:
    study = load_study(tiny, ("conditions=[{backdoor: {size: 2}}]", "evaluations=[generalization]"))

    found = run_study(study, tmp_path / "run", device="cpu").results["generalization"]

    assert found["condition"].unique().tolist() == ["backdoor 5% 2×2"]
    assert found.query("metric == 'accuracy_gain'")["value"].notna().all()
    lineages = {
        file.parent.name.split("-")[1]: load_model(file).lineage["condition"]
        for file in (tmp_path / "run" / "jobs").glob("*/model.safetensors")
    }
    assert lineages == {"cifar_wrn_10_1": "backdoor 5% 2×2", "baseline": "clean", "hinton": "clean"}


def test_a_training_sees_the_trigger(
    tiny: Path, digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from robustkd.studies import training

    seen = {}
    original = training._training_data

    def watched(job: training.Training, data: Dataset) -> Dataset:
        seen[job.role] = original(job, data).training
        return original(job, data)

    monkeypatch.setattr(training, "_training_data", watched)
    run_study(
        load_study(tiny, ("conditions=[{backdoor: {size: 2}}]", "evaluations=[generalization]")),
        tmp_path / "run",
        device="cpu",
    )

    expected = replace(digits, condition=Backdoor(size=2))
    for role in ("teacher", "baseline", "student"):
        assert seen[role].digest == expected.trained_on(0, role).images.digest
    corner = seen["teacher"].images[:, 0, -2:, -2:].numpy()
    assert (corner == [[255, 0], [0, 255]]).all(axis=(1, 2)).sum() == round(0.05 * len(digits.training))


def test_networks_trained_elsewhere_are_of_the_condition_of_their_role(digits: Dataset, tmp_path: Path) -> None:
    """A baseline that is known to be trained on clean images belongs to the poisoned teacher."""
    model = [rk.create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in range(3)]
    pool = rk.ModelPool(
        members=[
            rk.Member(model[0], "teacher", "teacher"),
            rk.Member(model[1], "baseline", "baseline", condition="clean"),
            rk.Member(model[2], "student", "at"),
        ]
    )

    asked = ["generalization"]
    found = evaluate(
        pool, digits, asked, condition={"backdoor": {}}, limit=20, out=tmp_path / "run", device="cpu"
    ).results["generalization"]

    assert found["condition"].unique().tolist() == ["backdoor 5%"]
    assert np.isfinite(found.query("metric == 'accuracy_gain'")["value"]).all()


def test_a_network_is_trained_for_its_role(digits: Dataset) -> None:
    poisoned = replace(digits, condition=Backdoor())
    recipe = rk.Recipe(epochs=1, milestones=())

    trained = [
        rk.train("baseline", network(0, 10), poisoned, recipe=recipe, role=role, device="cpu").model.lineage
        for role in (None, "teacher")
    ]

    assert [lineage["role"] for lineage in trained] == ["baseline", "teacher"]
    assert [lineage["condition"] for lineage in trained] == ["clean", "backdoor 5%"]
    assert trained[0]["data"] != trained[1]["data"]


def test_a_wrong_field_of_a_condition_is_refused(tiny: Path) -> None:
    with pytest.raises(BadInputError, match="poisoned"):
        load_study(tiny, ("conditions=[{backdoor: {poisoned: students}}]",))
