from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from robustkd.data import Batch, Dataset
from robustkd.data.batches import TrainingBatches
from robustkd.distillation import METHODS, Recipe, train
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


@pytest.fixture
def seen_twice(batch: Batch) -> Batch:
    return replace(batch, views={"auto_augment": batch.pixels.flip(2)})


def logs(logits: torch.Tensor, temperature: float = 1.0) -> np.ndarray:
    scaled = logits.detach().double().numpy() / temperature
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))


def divergence(teacher: np.ndarray, student: np.ndarray) -> float:
    return float((np.exp(teacher) * (teacher - student)).sum(1).mean())


def test_both_views_have_half_of_the_loss(networks: Networks, seen_twice: Batch) -> None:
    student, teacher = (model.eval() for model in networks("cifar_resnet8", "cifar_resnet8"))
    method = METHODS["uda"](student, teacher, kd_weight=0.3, temperature=2.0).eval()

    losses = method(seen_twice).losses

    views = (seen_twice.pixels, seen_twice.views["auto_augment"])
    errors = [-logs(student(view))[np.arange(8), seen_twice.labels].mean() for view in views]
    distances = [divergence(logs(teacher(view), 2.0), logs(student(view), 2.0)) for view in views]
    assert losses["cross_entropy"].item() == pytest.approx(0.7 * np.mean(errors), rel=1e-5)
    assert losses["kd"].item() == pytest.approx(0.3 * 4 * np.mean(distances), rel=1e-4)


def standardised(logits: torch.Tensor) -> torch.Tensor:
    values = logits.detach().double().numpy()
    return torch.from_numpy((values - values.mean(1, keepdims=True)) / values.std(1, ddof=1, keepdims=True))


def test_the_logits_for_both_views_may_be_standardised(networks: Networks, seen_twice: Batch) -> None:
    student, teacher = (model.eval() for model in networks("cifar_resnet8", "cifar_resnet8"))
    options = {"kd_weight": 1.0, "temperature": 2.0, "standardise_logits": True}

    losses = METHODS["uda"](student, teacher, **options).eval()(seen_twice).losses

    views = (seen_twice.pixels, seen_twice.views["auto_augment"])
    distances = [
        divergence(logs(standardised(teacher(view)), 2.0), logs(standardised(student(view)), 2.0)) for view in views
    ]
    assert losses["kd"].item() == pytest.approx(4 * np.mean(distances), rel=1e-4)


def test_without_a_teacher_the_student_of_the_image_teaches_that_of_the_view(
    networks: Networks, seen_twice: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["uda_alone"](student, consistency_weight=2.0).eval()

    losses = method(seen_twice).losses

    own, others = (logs(student(view)) for view in (seen_twice.pixels, seen_twice.views["auto_augment"]))
    assert losses["consistency"].item() == pytest.approx(2 * divergence(own, others), rel=1e-4)
    assert losses["cross_entropy"].item() == pytest.approx(-own[np.arange(8), seen_twice.labels].mean(), rel=1e-5)


def test_the_prediction_for_the_image_is_a_constant(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    same = replace(batch, views={"auto_augment": batch.pixels})

    METHODS["uda_alone"](student).eval()(same).losses["consistency"].backward()

    # where both predictions are equal, the divergence has its minimum
    largest = max(float(parameter.grad.abs().max()) for parameter in student.parameters() if parameter.grad is not None)
    assert largest < 1e-5


@pytest.mark.parametrize("name", ["uda", "uda_alone"])
def test_the_trainer_makes_the_view(name: str, digits: Dataset) -> None:
    student, teacher = (create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in (0, 1))
    method = METHODS[name](student, teacher if METHODS[name].needs_teacher else None)

    history = train(method, digits, Recipe(epochs=2, batch_size=35, learning_rate=0.05, milestones=()), seed=0)

    assert len(history) == 2
    batches = TrainingBatches(digits.training, 35, digits.augmentation, 0, views=method.views)
    (first, *_) = batches.epoch()
    assert first.views["auto_augment"].shape == first.pixels.shape
    assert not torch.equal(first.views["auto_augment"], first.pixels)
