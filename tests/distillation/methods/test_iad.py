from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.methods.iad import weighted_kd_loss
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def softened(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    return np.exp(logits / temperature) / np.exp(logits / temperature).sum()


def weighted(student: np.ndarray, teacher: np.ndarray, weights: np.ndarray, temperature: float) -> float:
    total = 0.0
    for mine, theirs, weight in zip(student, teacher, weights, strict=True):
        p_s, p_t = (softened(logits, temperature) for logits in (mine, theirs))
        total += weight * float((p_t * np.log(p_t / p_s)).sum())
    return temperature**2 * total / len(student)


def mistakes(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean([-np.log(softened(each)[label]) for each, label in zip(logits, labels, strict=True)]))


def logits_of(model: PixelModel, pixels: Tensor) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(model.double()(pixels.double()))


batches = given(
    seed=st.integers(0, 999), size=st.integers(1, 4), classes=st.integers(2, 5), temperature=st.floats(0.5, 8)
)


@batches
def test_value_and_gradient_follow_the_formula(
    seed: int, size: int, classes: int, temperature: float, assert_loss: Callable[..., None]
) -> None:
    random = np.random.default_rng(seed)

    assert_loss(
        lambda *given: weighted_kd_loss(*given, temperature),
        lambda *given: weighted(*given, temperature),
        *random.normal(0, 3, (2, size, classes)),
        random.random(size),
    )


@batches
def test_equal_weights_weigh_the_usual_loss(seed: int, size: int, classes: int, temperature: float) -> None:
    student, teacher = torch.from_numpy(np.random.default_rng(seed).normal(0, 3, (2, size, classes)))
    weights = torch.full((size,), 0.25, dtype=torch.float64)

    loss = weighted_kd_loss(student, teacher, weights, temperature)

    torch.testing.assert_close(loss, 0.25 * kd_loss(student, teacher, temperature))


@pytest.mark.parametrize("variant", ["original", "zhu2022"])
@pytest.mark.parametrize(
    ("options", "kd_weight", "temperature", "exponent", "epsilon", "steps"),
    [
        ({}, 1, 1, 0.1, 8 / 255, 10),
        (
            {
                "kd_weight": 0.3,
                "temperature": 2.0,
                "trust_exponent": 0.5,
                "epsilon": 0.1,
                "step_size": 0.05,
                "steps": 3,
            },
            *(0.3, 2, 0.5, 0.1, 3),
        ),
    ],
)
def test_the_teacher_is_trusted_as_far_as_it_is_right(
    variant: str,
    options: dict[str, float],
    kd_weight: float,
    temperature: float,
    exponent: float,
    epsilon: float,
    steps: int,
    networks: Networks,
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    seen: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0].detach().clone()))
    method = METHODS["iad"](student, teacher, variant=variant, **options).eval()
    method.begin_epoch("training", 9, 10)

    torch.manual_seed(0)
    supervision = method(batch)

    assert len(seen) == steps + 2
    moved, labels = seen[-2], batch.labels.numpy()
    assert (moved - batch.pixels).abs().max().item() == pytest.approx(epsilon, abs=1e-6)
    torch.testing.assert_close(supervision.logits, student(batch.pixels))
    mine, adversarial = (logits_of(student, each) for each in (batch.pixels, moved))
    theirs, fooled = (logits_of(teacher, each) for each in (batch.pixels, moved))
    trust = np.array([softened(each)[label] ** exponent for each, label in zip(fooled, labels, strict=True)])
    of_teacher = trust if variant == "original" else np.ones(8)
    expected = {
        "cross_entropy": (1 - kd_weight) * mistakes(mine, labels),
        "kd": kd_weight * weighted(adversarial, theirs, of_teacher, temperature),
        "introspection": kd_weight * weighted(adversarial, mine, 1 - trust, 1),
    }
    assert {name: loss.item() for name, loss in supervision.losses.items()} == pytest.approx(expected, rel=1e-2)


def test_both_of_the_students_predictions_get_a_gradient_of_the_introspection(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    outputs: list[Tensor] = []
    student.register_forward_hook(lambda module, given, output: outputs.append(output))
    method = METHODS["iad"](student, teacher).eval()
    method.begin_epoch("training", 9, 10)

    introspection = method(batch).losses["introspection"]

    for gradient in torch.autograd.grad(introspection, outputs[-2:]):
        assert gradient.abs().sum() > 0


@pytest.mark.parametrize(
    ("options", "epoch", "epochs", "warming_up"),
    [
        # 60 of 200 epochs
        ({}, 0, 200, True),
        ({}, 59, 200, True),
        ({}, 60, 200, False),
        ({}, 2, 10, True),
        ({}, 3, 10, False),
        ({"warm_up": 0.0}, 0, 200, False),
        ({"warm_up": 1.0}, 199, 200, True),
    ],
)
def test_at_first_it_is_ard(
    options: dict[str, float], epoch: int, epochs: int, warming_up: bool, networks: Networks, batch: Batch
) -> None:
    models = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["iad"](*models, kd_weight=0.9, temperature=4.0, **options).eval()
    method.begin_epoch("training", epoch, epochs)
    losses = []
    for each in (method, METHODS["ard"](*models, kd_weight=0.9, temperature=4.0).eval()):
        torch.manual_seed(0)
        losses.append(each(batch).losses)

    assert (losses[0]["introspection"].item() == 0) == warming_up
    assert torch.isclose(losses[0]["kd"], losses[1]["kd"], rtol=1e-5).item() == warming_up
    torch.testing.assert_close(losses[0]["cross_entropy"], losses[1]["cross_entropy"])


def test_the_attack_uses_the_statistics_of_the_batch(networks: Networks, batch: Batch) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_resnet8")
    modes: list[bool] = []
    student.register_forward_pre_hook(lambda module, given: modes.append(module.training))
    method = METHODS["iad"](student, teacher).train()

    method(batch)

    assert modes == [True] * 12
