from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def divergence(teacher: np.ndarray, student: np.ndarray) -> float:
    """KL(p_t ‖ p_s), summed over classes and averaged over images."""
    total = 0.0
    for theirs, mine in zip(teacher, student, strict=True):
        p_t, p_s = (np.exp(each) / np.exp(each).sum() for each in (theirs, mine))
        total += float((p_t * np.log(p_t / p_s)).sum())
    return total / len(teacher)


def logits_of(model: PixelModel, pixels: Tensor) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model.double()(pixels.double()))


@pytest.mark.parametrize(
    ("options", "weight", "epsilon", "steps"),
    [
        ({}, 5 / 6, 8 / 255, 10),
        ({"adversarial_weight": 0.3, "epsilon": 0.1, "step_size": 0.05, "steps": 3}, 0.3, 0.1, 3),
    ],
)
def test_the_soft_labels_teach_images_and_adversarial_examples(
    options: dict[str, float], weight: float, epsilon: float, steps: int, networks: Networks, batch: Batch
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    seen: list[Tensor] = []
    taught: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach().clone()))
    teacher.register_forward_pre_hook(lambda module, given: taught.append(given[0]))
    method = METHODS["rslad"](student, teacher, **options).eval()

    torch.manual_seed(0)
    supervision = method(batch)

    assert len(seen) == steps + 2
    start, moved, clean = seen[0], seen[-2], seen[-1]
    assert torch.equal(clean, batch.pixels)
    assert [torch.equal(each, batch.pixels) for each in taught] == [True]
    assert 0 < (start - batch.pixels).abs().max() < 0.006
    assert (moved - batch.pixels).abs().max().item() == pytest.approx(epsilon, abs=1e-6)
    torch.testing.assert_close(supervision.logits, student(batch.pixels))
    mine, adversarial, before = (logits_of(student, each) for each in (clean, moved, start))
    theirs = logits_of(teacher, batch.pixels)
    assert divergence(theirs, adversarial) > 1.1 * divergence(theirs, before)
    losses = supervision.losses
    assert losses.keys() == {"adversarial", "kd"}
    assert losses["adversarial"].item() == pytest.approx(weight * divergence(theirs, adversarial), rel=1e-3)
    assert losses["kd"].item() == pytest.approx((1 - weight) * divergence(theirs, mine), rel=1e-3)


def test_the_labels_do_not_matter(networks: Networks, batch: Batch) -> None:
    method = METHODS["rslad"](*networks("cifar_resnet8", "cifar_resnet8")).eval()
    losses = []
    for labels in (batch.labels, (batch.labels + 1) % 10, torch.full_like(batch.labels, -100)):
        torch.manual_seed(0)
        losses.append(method(Batch(batch.pixels, labels, batch.indices)).losses)

    torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=0)
    torch.testing.assert_close(losses[0], losses[2], rtol=0, atol=0)


def test_the_attack_sees_an_evaluation_and_the_loss_a_training(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    modes: list[bool] = []
    student.register_forward_pre_hook(lambda module, given: modes.append(module.training))
    method = METHODS["rslad"](student, teacher).train()

    method(batch)

    assert modes == [False] * 10 + [True] * 2
    assert student.training
    assert not teacher.training
