from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def softened(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum()


def divergence(clean: np.ndarray, adversarial: np.ndarray) -> float:
    """KL(p(x) ‖ p(x̃)), averaged over images."""
    total = 0.0
    for first, second in zip(clean, adversarial, strict=True):
        p, q = softened(first), softened(second)
        total += float((p * np.log(p / q)).sum())
    return total / len(clean)


def mistakes(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean([-np.log(softened(each)[label]) for each, label in zip(logits, labels, strict=True)]))


def logits_of(model: PixelModel, pixels: Tensor) -> np.ndarray:
    # in float64: the divergence between close predictions is a small difference
    with torch.no_grad():
        return np.asarray(model.double()(pixels.double()))


def watched(student: PixelModel) -> list[Tensor]:
    seen: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach().clone()))
    return seen


@pytest.mark.parametrize(
    ("options", "weight", "epsilon", "steps"),
    [
        ({}, 6, 0.031, 10),
        ({"stability_weight": 2.0, "epsilon": 0.1, "step_size": 0.05, "steps": 3}, 2, 0.1, 3),
    ],
)
def test_predictions_are_held_where_the_attack_moves_them(
    options: dict[str, float], weight: float, epsilon: float, steps: int, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    seen = watched(student)
    method = METHODS["trades"](student, **options).eval()

    torch.manual_seed(0)
    losses = method(batch).losses

    # the prediction to attack, the steps, and the two predictions of the loss
    assert len(seen) == steps + 3
    start, moved = seen[1], seen[-1]
    assert torch.equal(seen[0], batch.pixels)
    assert torch.equal(seen[-2], batch.pixels)
    assert 0 < (start - batch.pixels).abs().max() < 0.006
    assert (moved - batch.pixels).abs().max().item() == pytest.approx(epsilon, abs=1e-6)
    clean, near, far = (logits_of(student, each) for each in (batch.pixels, start, moved))
    assert losses["cross_entropy"].item() == pytest.approx(mistakes(clean, batch.labels.numpy()), rel=1e-5)
    assert losses["stability"].item() == pytest.approx(weight * divergence(clean, far), rel=1e-2)
    assert divergence(clean, far) > 20 * divergence(clean, near)


def test_both_predictions_get_a_gradient(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    outputs: list[Tensor] = []
    student.register_forward_hook(lambda module, given, output: outputs.append(output))
    method = METHODS["trades"](student).eval()

    stability = method(batch).losses["stability"]

    for gradient in torch.autograd.grad(stability, outputs[-2:]):
        assert gradient.abs().sum() > 0


def test_the_attack_sees_an_evaluation_and_the_loss_a_training(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    modes: list[bool] = []
    student.register_forward_pre_hook(lambda module, given: modes.append(module.training))
    method = METHODS["trades"](student).train()

    method(batch)

    assert modes == [False] * 11 + [True] * 2
    assert student.training


def test_without_the_weight_it_is_the_baseline(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")

    losses = METHODS["trades"](student, stability_weight=0.0).eval()(batch).losses

    expected = METHODS["baseline"](student).eval()(batch).losses["cross_entropy"]
    torch.testing.assert_close(losses["cross_entropy"], expected)
    assert losses["stability"].item() == 0
