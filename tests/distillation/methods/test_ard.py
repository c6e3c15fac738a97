from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    return np.exp(logits / temperature) / np.exp(logits / temperature).sum()


def divergence(teacher: np.ndarray, student: np.ndarray, temperature: float) -> float:
    """T² · KL(p_t^T ‖ p_s^T), summed over classes and averaged over images."""
    total = 0.0
    for theirs, mine in zip(teacher, student, strict=True):
        p_t, p_s = softened(theirs, temperature), softened(mine, temperature)
        total += float((p_t * np.log(p_t / p_s)).sum())
    return temperature**2 * total / len(teacher)


def mistakes(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean([-np.log(softened(each, 1)[label]) for each, label in zip(logits, labels, strict=True)]))


def logits_of(model: PixelModel, pixels: Tensor) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model.double()(pixels.double()))


@pytest.mark.parametrize(
    ("options", "kd_weight", "temperature", "epsilon", "steps"),
    [
        ({}, 1, 30, 8 / 255, 10),
        ({"kd_weight": 0.3, "temperature": 2.0, "epsilon": 0.1, "step_size": 0.05, "steps": 3}, 0.3, 2, 0.1, 3),
    ],
)
def test_the_teacher_teaches_adversarial_examples_what_it_says_of_the_images(
    options: dict[str, float],
    kd_weight: float,
    temperature: float,
    epsilon: float,
    steps: int,
    networks: Networks,
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    seen: list[Tensor] = []
    taught: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach().clone()))
    teacher.register_forward_pre_hook(lambda module, given: taught.append(given[0]))
    method = METHODS["ard"](student, teacher, **options).eval()

    torch.manual_seed(0)
    supervision = method(batch)

    assert len(seen) == steps + 2
    start, moved, clean = seen[0], seen[-2], seen[-1]
    assert torch.equal(clean, batch.pixels)
    assert [torch.equal(each, batch.pixels) for each in taught] == [True]
    assert 0 < (start - batch.pixels).abs().max() <= epsilon + 1e-6
    assert (moved - batch.pixels).abs().max().item() == pytest.approx(epsilon, abs=1e-6)
    torch.testing.assert_close(supervision.logits, student(batch.pixels))
    mine, adversarial, before = (logits_of(student, each) for each in (clean, moved, start))
    theirs, labels = logits_of(teacher, batch.pixels), batch.labels.numpy()
    assert mistakes(adversarial, labels) > mistakes(before, labels) + 0.01
    losses = supervision.losses
    assert losses["cross_entropy"].item() == pytest.approx((1 - kd_weight) * mistakes(mine, labels), rel=1e-5)
    assert losses["kd"].item() == pytest.approx(kd_weight * divergence(theirs, adversarial, temperature), rel=2e-2)


def test_without_an_ascent_it_is_hintons_method(networks: Networks, batch: Batch) -> None:
    models = networks("cifar_resnet8", "cifar_resnet8")

    losses = METHODS["ard"](*models, epsilon=0.0, kd_weight=0.9, temperature=4.0).eval()(batch).losses

    torch.testing.assert_close(losses, METHODS["hinton"](*models).eval()(batch).losses)


def test_the_attack_uses_the_statistics_of_the_batch(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    modes: list[bool] = []
    student.register_forward_pre_hook(lambda module, given: modes.append(module.training))
    method = METHODS["ard"](student, teacher).train()

    method(batch)

    assert modes == [True] * 12
