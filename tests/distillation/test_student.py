"""`rk.train`: the trainer as one function, equal to what a study trains."""

from pathlib import Path

import pytest
import torch

from robustkd.data import CONDITIONS, Dataset
from robustkd.distillation import Recipe, train_student
from robustkd.errors import BadInputError, ModelError
from robustkd.models import PixelModel, create_model, load_model, save_model
from robustkd.studies import load_study, run_study

ONE_EPOCH = Recipe(epochs=1, batch_size=35, milestones=())


@pytest.fixture
def model() -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=0)


@pytest.fixture
def teacher() -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=7)


def test_it_trains_what_a_study_trains(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(
        "name: same\ndata: {name: digits}\nteacher: {architecture: cifar_wrn_10_1, seeds: 7}\n"
        "students: {architecture: cifar_wrn_10_1, methods: [hinton], seeds: [3]}\n"
        "training: {epochs: 1, milestones: [], optimiser: adamw, schedule: cosine, label_smoothing: 0.1}\n"
        "evaluations: [generalization]\n"
    )
    run_study(load_study(file), tmp_path / "run", device="cpu")
    jobs = {path.parent.name.split("-")[0]: path for path in (tmp_path / "run" / "jobs").glob("*/model.safetensors")}
    data = run_data()
    recipe = Recipe(epochs=1, milestones=(), optimiser="adamw", schedule="cosine", label_smoothing=0.1)
    fresh = create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=3)

    student = train_student(
        "hinton", fresh, data, teacher=load_model(jobs["teacher"]), recipe=recipe, seed=3, device="cpu"
    )

    assert student.model.digest() == load_model(jobs["student"]).digest()


def run_data() -> Dataset:
    from robustkd.data import load_dataset

    return load_dataset("digits")


def test_the_given_network_stays_as_it_was(digits: Dataset, model: PixelModel) -> None:
    before = model.digest()

    student = train_student("baseline", model, digits, recipe=ONE_EPOCH, device="cpu")

    assert model.digest() == before
    assert student.model.digest() != before


def test_the_checkpoint_says_how_it_was_trained(
    digits: Dataset, model: PixelModel, teacher: PixelModel, tmp_path: Path
) -> None:
    student = train_student(
        "hinton", model, digits, teacher=teacher, recipe=ONE_EPOCH, seed=2, options={"temperature": 2.0}, device="cpu"
    )
    save_model(student.model, tmp_path / "s.safetensors")

    lineage = load_model(tmp_path / "s.safetensors").lineage

    assert (lineage["role"], lineage["method"], lineage["seed"]) == ("student", "hinton", 2)
    assert lineage["options"] == {
        "kd_weight": 0.9,
        "ce_weight": None,
        "temperature": 2.0,
        "variant": "original",
        "standardise_logits": False,
    }
    assert lineage["recipe"]["epochs"] == 1
    assert lineage["teacher"] == teacher.digest()


def test_the_condition_decides_on_which_labels_it_trains(digits: Dataset, model: PixelModel) -> None:
    from dataclasses import replace

    noisy = replace(digits, condition=CONDITIONS["label_noise"](rate=1.0))

    clean, wrong = (train_student("baseline", model, each, recipe=ONE_EPOCH, device="cpu") for each in (digits, noisy))

    assert clean.model.digest() != wrong.model.digest()
    assert wrong.model.lineage["condition"] == noisy.condition.label


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_a_training_continues_to_the_same_bits(
    optimiser: str, digits: Dataset, model: PixelModel, tmp_path: Path
) -> None:
    recipe = Recipe(epochs=3, batch_size=35, optimiser=optimiser, learning_rate=1e-2, schedule="cosine")
    whole = train_student("baseline", model, digits, recipe=recipe, device="cpu")
    epochs = iter((False, True))
    with pytest.raises(Exception, match="stopped"):
        train_student(
            "baseline",
            model,
            digits,
            recipe=recipe,
            device="cpu",
            checkpoint=tmp_path / "state",
            should_stop=lambda: next(epochs),
        )

    continued = train_student("baseline", model, digits, recipe=recipe, device="cpu", checkpoint=tmp_path / "state")

    assert continued.model.digest() == whole.model.digest()


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("hintn", {}, "unknown method 'hintn': did you mean hinton or hint?"),
        ("hinton", {"temprature": 2}, "hinton has no option 'temprature': did you mean temperature?"),
        ("hinton", {}, "hinton needs a teacher"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(
    method: str, options: dict, message: str, digits: Dataset, model: PixelModel
) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        train_student(method, model, digits, options=options)

    assert "\n" not in str(caught.value)


def test_a_network_for_other_images_is_refused(digits: Dataset) -> None:
    for wrong in ({"num_classes": 3, "in_chans": 1}, {"num_classes": 10, "in_chans": 3}):
        with pytest.raises(ModelError, match="the model"):
            train_student("baseline", create_model("cifar_wrn_10_1", seed=0, **wrong), digits)


def test_smoothed_labels_are_shared_evenly_with_all_classes() -> None:
    """ε = 0.3, K = 3, probabilities (½, ¼, ¼), label 0: −(0.8 ln ½ + 0.1 ln ¼ + 0.1 ln ¼)."""
    import math

    from robustkd.distillation.losses import cross_entropy

    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]], dtype=torch.float64))

    found = cross_entropy(logits, torch.tensor([0]), 0.3)

    assert found.item() == pytest.approx(-(0.8 * math.log(0.5) + 0.2 * math.log(0.25)))
