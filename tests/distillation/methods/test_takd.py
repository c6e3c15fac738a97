from collections.abc import Callable

import numpy as np
import pytest
import torch

from robustkd.data import Batch, Dataset
from robustkd.distillation import METHODS, Recipe, train
from robustkd.distillation.losses import kd_loss
from robustkd.errors import ModelError
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]
RECIPE = Recipe(epochs=2, batch_size=35, learning_rate=0.05, milestones=())


def test_the_assistant_learns_from_the_teacher_and_the_student_from_the_assistant(
    networks: Networks, batch: Batch
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet26")
    method = METHODS["takd"](student, teacher, assistant="cifar_resnet14", kd_weight=1.0, temperature=2.0).eval()
    pairs = {"assistant": (method.between, teacher), "training": (student, method.between)}

    for stage, (learning, teaching) in pairs.items():
        method.begin_epoch(stage, 0, 1)
        supervision = method(batch)

        logits, target = learning(batch.pixels), teaching(batch.pixels)
        assert torch.equal(supervision.logits, logits)
        assert supervision.losses["kd"].item() == pytest.approx(kd_loss(logits, target, 2.0).item(), rel=1e-6)


def standardised(logits: torch.Tensor) -> np.ndarray:
    values = logits.detach().double().numpy()
    return (values - values.mean(1, keepdims=True)) / values.std(1, ddof=1, keepdims=True)


def log_softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    scaled = logits / temperature
    return scaled - np.log(np.exp(scaled).sum(1, keepdims=True))


def test_logits_may_be_standardised_in_both_stages(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet26")
    options = {"kd_weight": 1.0, "temperature": 2.0, "standardise_logits": True}
    method = METHODS["takd"](student, teacher, assistant="cifar_resnet14", **options).eval()
    pairs = {"assistant": (method.between, teacher), "training": (student, method.between)}

    for stage, models in pairs.items():
        method.begin_epoch(stage, 0, 1)
        found = method(batch).losses["kd"].item()

        learned, taught = (log_softened(standardised(model(batch.pixels)), 2.0) for model in models)
        assert found == pytest.approx(4 * (np.exp(taught) * (taught - learned)).sum(1).mean(), rel=1e-4)


def test_kd_lib_compares_log_probabilities_by_their_squared_difference(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet26")
    options = {"kd_weight": 0.4, "temperature": 3.0, "variant": "kd_lib"}
    method = METHODS["takd"](student, teacher, assistant="cifar_resnet14", **options).eval()
    pairs = {"assistant": (method.between, teacher), "training": (student, method.between)}

    for stage, models in pairs.items():
        method.begin_epoch(stage, 0, 1)
        losses = method(batch).losses

        mine, theirs = (model(batch.pixels).detach().double().numpy() for model in models)
        squares = (log_softened(mine, 3.0) - log_softened(theirs, 3.0)) ** 2
        assert losses["kd"].item() == pytest.approx(0.4 * 9 * squares.mean(), rel=1e-4)
        errors = -log_softened(mine, 1.0)[np.arange(8), batch.labels]
        assert losses["cross_entropy"].item() == pytest.approx(0.6 * errors.mean(), rel=1e-5)


def test_each_stage_trains_one_of_them_for_the_whole_recipe(digits: Dataset) -> None:
    student, teacher = (create_model("cifar_wrn_10_1", num_classes=10, in_chans=1, seed=seed) for seed in (0, 1))
    method = METHODS["takd"](student, teacher, assistant="cifar_resnet8")
    fresh = student.digest()
    seen: dict[str, tuple[str, str]] = {}

    history = train(
        method,
        digits,
        RECIPE,
        seed=0,
        on_epoch=lambda epoch: seen.update({epoch.stage: (method.between.digest(), student.digest())}),
    )

    assert [epoch.stage for epoch in history] == ["assistant"] * 2 + ["training"] * 2
    assert seen["assistant"][1] == fresh
    assert seen["training"][0] == seen["assistant"][0]
    assert seen["training"][1] != fresh
    assert method.export() is student


def test_assistants_of_two_students_differ(networks: Networks) -> None:
    first, second = networks("cifar_resnet8", "cifar_resnet8")

    assistants = [METHODS["takd"](model, first, assistant="cifar_resnet14").between for model in (first, second, first)]

    assert assistants[0].digest() != assistants[1].digest()
    assert assistants[0].digest() == assistants[2].digest()


def test_an_unknown_assistant_is_refused(networks: Networks) -> None:
    with pytest.raises(ModelError, match="cifar_resnet21"):
        METHODS["takd"](*networks("cifar_resnet8", "cifar_resnet8"), assistant="cifar_resnet21")
