"""Agreement with the teacher, and divergence from it, along a training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

import robustkd as rk
from robustkd.data import Dataset, ImageSet
from robustkd.distillation import METHODS, Epoch, Method, Recipe, history_frame, train
from robustkd.distillation.fidelity import Fidelity
from robustkd.distillation.history import course_record
from robustkd.models import PixelModel, create_model

RECIPE = Recipe(epochs=5, batch_size=32, learning_rate=0.05, milestones=(), evaluate_every=2)


def network(seed: int = 0) -> PixelModel:
    return create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed)


def sharp(seed: int) -> PixelModel:
    """A network whose predictions are far from uniform."""
    model = network(seed)
    with torch.no_grad():
        model.module.fc.weight.mul_(40)
    return model.eval()


def logits_of(model: PixelModel, images: ImageSet) -> np.ndarray:
    with torch.no_grad():
        return model.eval()(images.pixels(0, len(images))).double().numpy()


def agreement_and_kl(student: np.ndarray, teacher: np.ndarray) -> tuple[float, float]:
    p_s, p_t = (np.exp(each - each.max(1, keepdims=True)) for each in (student, teacher))
    p_s, p_t = p_s / p_s.sum(1, keepdims=True), p_t / p_t.sum(1, keepdims=True)
    same = student.argmax(1) == teacher.argmax(1)
    return float(same.mean()), float((p_t * (np.log(p_t) - np.log(p_s))).sum(1).mean())


def test_agreement_and_divergence_are_those_of_the_definition(digits: Dataset) -> None:
    student, teacher = sharp(0), sharp(1)

    found = Fidelity(teacher, digits.test, torch.device("cpu")).of(student)

    expected = agreement_and_kl(logits_of(student, digits.test), logits_of(teacher, digits.test))
    assert found.dtype == torch.float64
    assert found.tolist() == pytest.approx(expected, rel=1e-5)
    assert 0 < expected[0] < 1
    assert expected[1] > 0.1


def test_a_network_is_its_own_teacher(digits: Dataset) -> None:
    found = Fidelity(sharp(0), digits.test, torch.device("cpu")).of(sharp(0))

    assert found.tolist() == pytest.approx([1.0, 0.0], abs=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_network_is_restored(digits: Dataset, training: bool) -> None:
    student = network().train(training)

    Fidelity(sharp(1), digits.test, torch.device("cpu")).of(student)

    assert student.training == training


@pytest.mark.parametrize(
    ("epochs", "every", "measured"),
    [(5, 2, [1, 3, 4]), (4, 2, [1, 3]), (3, 1, [0, 1, 2]), (2, 10, [1]), (3, 0, [])],
)
def test_fidelity_is_measured_every_so_many_epochs_and_after_the_last(
    digits: Dataset, epochs: int, every: int, measured: list[int]
) -> None:
    recipe = replace(RECIPE, epochs=epochs, evaluate_every=every)

    history = train(METHODS["hinton"](network(), network(1)), digits, recipe, seed=0)

    assert [entry.epoch for entry in history if entry.test_agreement is not None] == measured
    assert [entry.epoch for entry in history if entry.test_kl is not None] == measured


def test_what_is_measured_is_the_network_after_the_epoch(digits: Dataset) -> None:
    teacher = sharp(1)
    method = METHODS["hinton"](network(), teacher)
    predicted: list[np.ndarray] = []

    history = train(
        method, digits, RECIPE, seed=0, on_epoch=lambda _: predicted.append(logits_of(method.student, digits.test))
    )

    taught = logits_of(teacher, digits.test)
    for place in (1, 3, 4):
        expected = agreement_and_kl(predicted[place], taught)
        assert history[place].test_agreement == pytest.approx(expected[0])
        assert history[place].test_kl == pytest.approx(expected[1], rel=1e-4)


def test_measuring_changes_no_bit_of_the_training(digits: Dataset) -> None:
    digests = []
    for every in (0, 1):
        method = METHODS["hinton"](network(), network(1))
        train(method, digits, replace(RECIPE, epochs=2, evaluate_every=every), seed=0)
        digests.append(method.export().digest())

    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", ["baseline", "dml"])
def test_without_a_teacher_nothing_is_measured(digits: Dataset, name: str) -> None:
    history = train(METHODS[name](network()), digits, replace(RECIPE, epochs=2), seed=0)

    assert [(entry.test_agreement, entry.test_kl) for entry in history] == [(None, None)] * 2


def test_a_stage_whose_own_recipe_does_not_ask_for_it_is_not_measured(
    digits: Dataset, two_stages: type[Method]
) -> None:
    history = train(two_stages(network(), sharp(1)), digits, replace(RECIPE, epochs=2), seed=0)

    assert [(entry.stage, entry.test_kl is None) for entry in history] == [
        ("adaptor", True),
        ("adaptor", True),
        ("training", True),
        ("training", False),
    ]


def entry(epoch: int, stage: str = "training", agreement: float | None = None, kl: float | None = None) -> Epoch:
    return Epoch(stage, epoch, 0.1, 1.0, {"kd": 1.0}, 0.5, 0.1 * epoch, None, 100.0, agreement, kl)


def test_the_course_counts_the_epochs_of_all_stages() -> None:
    history = [
        entry(0, "initialisation", 0.25, 2.0),
        entry(0),
        entry(1, "training", 0.5, 1.0),
        entry(2),
        entry(3, "training", 0.75, 0.5),
    ]

    assert course_record(history) == {
        "course": {
            "epoch": [1, 3, 5],
            "accuracy": pytest.approx([0.0, 0.1, 0.3]),
            "agreement": [0.25, 0.5, 0.75],
            "kl": [2.0, 1.0, 0.5],
        }
    }


def test_a_training_that_was_not_measured_has_no_course() -> None:
    assert course_record([entry(0), entry(1)]) == {}


def test_a_history_has_columns_of_the_fidelity_where_it_was_measured() -> None:
    frame = history_frame([entry(0), entry(1, "training", 0.5, 1.0)])

    assert frame["test_agreement"].isna().tolist() == [True, False]
    assert frame["test_kl"][1] == 1.0
    assert not {"test_agreement", "test_kl"} & set(history_frame([entry(0)]).columns)


def test_a_trained_network_states_its_course(digits: Dataset) -> None:
    trained = rk.train(
        "hinton", network(), digits, teacher=sharp(1), recipe=replace(RECIPE, epochs=2, evaluate_every=1), device="cpu"
    )

    course = trained.model.lineage["course"]
    expected = agreement_and_kl(logits_of(trained.model, digits.test), logits_of(sharp(1), digits.test))
    assert course["epoch"] == [1, 2]
    assert course["accuracy"] == trained.history["test_accuracy"].tolist()
    assert (course["agreement"][-1], course["kl"][-1]) == pytest.approx(expected, rel=1e-4)


def tensors(model: PixelModel) -> list[Tensor]:
    return [tensor.clone() for tensor in model.state_dict().values()]


def test_the_teacher_is_asked_once_and_does_not_change(digits: Dataset) -> None:
    teacher, calls = sharp(1), []
    before = tensors(teacher)
    teacher.module.register_forward_hook(lambda *_: calls.append(1))
    fidelity = Fidelity(teacher, digits.test, torch.device("cpu"))

    for seed in (0, 1, 2):
        fidelity.of(network(seed))

    assert calls == [1]
    assert all(map(torch.equal, before, tensors(teacher)))
