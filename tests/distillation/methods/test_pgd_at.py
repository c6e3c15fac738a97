from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def mistakes(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The cross-entropy of each image."""
    return np.array(
        [np.log(np.exp(each).sum()) - each[label] for each, label in zip(logits, labels, strict=True)], dtype=np.float64
    )


@pytest.mark.parametrize(
    ("options", "epsilon", "steps"),
    [({}, 8 / 255, 10), ({"epsilon": 0.1, "step_size": 0.05, "steps": 3}, 0.1, 3)],
)
def test_the_student_learns_from_adversarial_examples_alone(
    options: dict[str, float], epsilon: float, steps: int, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["pgd_at"](student, **options).eval()
    seen: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach().clone()))

    torch.manual_seed(0)
    supervision = method(batch)

    assert len(seen) == steps + 1
    # the start is random, and the examples reach the sides of the ball
    assert not torch.equal(seen[0], batch.pixels)
    assert (seen[0] - batch.pixels).abs().max() <= epsilon + 1e-6
    assert (seen[-1] - batch.pixels).abs().max().item() == pytest.approx(epsilon, abs=1e-6)
    errors = [mistakes(student(each).detach().double().numpy(), batch.labels.numpy()).mean() for each in (*seen,)]
    assert supervision.losses.keys() == {"cross_entropy"}
    assert supervision.losses["cross_entropy"].item() == pytest.approx(errors[-1], rel=1e-5)
    assert errors[-1] > errors[0] + 0.01
    torch.testing.assert_close(supervision.logits, student(seen[-1]))


def test_without_an_ascent_it_is_the_baseline(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")

    losses = [
        METHODS[name](student, **options).eval()(batch).losses
        for name, options in (("pgd_at", {"epsilon": 0.0}), ("baseline", {}))
    ]

    torch.testing.assert_close(losses[0], losses[1])


def test_the_attack_uses_the_statistics_of_the_batch(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["pgd_at"](student).train()
    modes: list[bool] = []
    student.register_forward_pre_hook(lambda module, given: modes.append(module.training))

    method(batch)

    assert modes == [True] * 11


def test_images_without_a_label_are_attacked_no_further_than_the_start(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["pgd_at"](student).eval()
    seen: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach().clone()))
    labels = batch.labels.clone()
    labels[:4] = -100

    method(Batch(batch.pixels, labels, batch.indices, complete=False))

    torch.testing.assert_close(seen[-1][:4], seen[0][:4])
    assert not torch.allclose(seen[-1][4:], seen[0][4:])
