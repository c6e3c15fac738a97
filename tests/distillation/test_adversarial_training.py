"""The adversarial examples that training methods make inside a step."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from robustkd.data import Batch
from robustkd.distillation.adversarial_training import Ascent, anywhere_near, close_by, evaluating
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]

balls = given(
    seed=st.integers(0, 999), epsilon=st.floats(0, 0.5), step_size=st.floats(0.001, 0.5), steps=st.integers(1, 5)
)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images of 2×2, the weights of a linear network of three classes, and labels."""
    random = np.random.default_rng(seed)
    return random.random((3, 1, 2, 2)), random.normal(0, 3, (3, 4)), random.integers(0, 3, 3)


def linear(weights: np.ndarray) -> nn.Module:
    layer = nn.Linear(4, 3, bias=False).double()
    layer.weight = nn.Parameter(torch.from_numpy(weights))
    return nn.Sequential(nn.Flatten(), layer)


def by_hand(
    pixels: np.ndarray, weights: np.ndarray, labels: np.ndarray, *, epsilon: float, step_size: float, steps: int
) -> np.ndarray:
    """Signed ascent of the cross-entropy of a linear network, image by image and pixel by pixel."""
    found = pixels.copy()
    for image, label in enumerate(labels):
        for _ in range(steps):
            logits = weights @ found[image].ravel()
            p = np.exp(logits) / np.exp(logits).sum()
            gradient = weights.T @ (p - np.eye(3)[label])
            for place, slope in zip(np.ndindex(1, 2, 2), gradient, strict=True):
                moved = found[(image, *place)] + step_size * np.sign(slope)
                clean = pixels[(image, *place)]
                moved = min(max(moved, clean - epsilon), clean + epsilon)
                found[(image, *place)] = min(max(moved, 0.0), 1.0)
    return found


@balls
def test_each_step_follows_the_signs_of_the_gradient(seed: int, epsilon: float, step_size: float, steps: int) -> None:
    pixels, weights, labels = drawn(seed)
    given = torch.from_numpy(pixels)

    found = Ascent(epsilon, step_size, steps).examples(
        linear(weights), given, given, lambda logits: F.cross_entropy(logits, torch.from_numpy(labels))
    )

    expected = by_hand(pixels, weights, labels, epsilon=epsilon, step_size=step_size, steps=steps)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@balls
def test_examples_stay_near_the_images_and_are_images(seed: int, epsilon: float, step_size: float, steps: int) -> None:
    pixels, weights, _ = drawn(seed)
    given = torch.from_numpy(pixels)
    start = anywhere_near(given, epsilon)

    found = Ascent(epsilon, step_size, steps).examples(linear(weights), given, start, lambda logits: logits.std())

    for each in (start, found):
        assert (each - given).abs().max() <= epsilon + 1e-12
        assert each.min() >= 0
        assert each.max() <= 1


def test_the_loss_rises_and_no_parameter_gets_a_gradient(networks: Networks, batch: Batch) -> None:
    student = networks("cifar_resnet8", "cifar_resnet8")[0].eval()

    def loss(logits: Tensor) -> Tensor:
        return F.cross_entropy(logits, batch.labels)

    # as in a trial of a method, which takes no gradients
    with torch.no_grad():
        found = Ascent(8 / 255, 2 / 255, 5).examples(student, batch.pixels, batch.pixels, loss)
        assert loss(student(found)) > loss(student(batch.pixels)) + 0.01

    assert not found.requires_grad
    assert not batch.pixels.requires_grad
    assert all(parameter.grad is None and parameter.requires_grad for parameter in student.parameters())


def test_the_student_learns_after_the_attack_in_lower_precision_too(networks: Networks, batch: Batch) -> None:
    """Autocast remembers the weights that it has converted, with their gradient or without."""
    student = networks("cifar_resnet8", "cifar_resnet8")[0].train()

    with torch.autocast("cpu", torch.bfloat16):
        found = Ascent(8 / 255, 2 / 255, 2).examples(student, batch.pixels, batch.pixels, lambda logits: logits.std())
        student(found).float().sum().backward()

    assert all(parameter.grad is not None for parameter in student.parameters())


@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_a_start_anywhere_in_the_ball_is_uniform(epsilon: float) -> None:
    pixels = torch.full((4, 3, 16, 16), 0.5)

    start = anywhere_near(pixels, epsilon)

    assert (start - 0.5).abs().max() <= epsilon + 1e-6
    # the standard deviation of a uniform number in ±ε
    assert (start - 0.5).std().item() == pytest.approx(epsilon / 3**0.5, rel=0.1)


def test_a_start_close_by_is_normal() -> None:
    pixels = torch.full((4, 3, 16, 16), 0.5)

    assert (close_by(pixels) - 0.5).std().item() == pytest.approx(0.001, rel=0.1)
    assert close_by(torch.zeros(8, 3, 8, 8)).min() == 0


@pytest.mark.parametrize("start", [close_by, lambda pixels: anywhere_near(pixels, 0.1)])
def test_a_start_follows_the_random_state(start: Callable[[Tensor], Tensor]) -> None:
    pixels, found = torch.full((2, 3, 4, 4), 0.5), []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(start(pixels))

    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_evaluation_mode_ends_with_the_modes_that_there_were(networks: Networks, batch: Batch) -> None:
    student = networks("cifar_resnet8", "cifar_resnet8")[0].train()
    before = student.digest()
    part = student.module.stage1.eval()

    with evaluating(student):
        assert not any(module.training for module in student.modules())
        student(batch.pixels)

    still = set(part.modules())
    assert all(module.training == (module not in still) for module in student.modules())
    assert student.digest() == before
