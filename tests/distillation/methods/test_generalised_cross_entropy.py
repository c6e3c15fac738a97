from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import cross_entropy
from robustkd.distillation.methods.generalised_cross_entropy import generalised_cross_entropy
from robustkd.models import PixelModel

batches = given(
    seed=st.integers(0, 999), size=st.integers(1, 4), classes=st.integers(2, 5), exponent=st.floats(0.05, 1)
)


def drawn(seed: int, size: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(0, 3, (size, classes)), random.integers(0, classes, size)


def generalised(logits: np.ndarray, labels: np.ndarray, exponent: float) -> float:
    total = 0.0
    for each, label in zip(logits, labels, strict=True):
        p = np.exp(each)[label] / np.exp(each).sum()
        total += (1 - p**exponent) / exponent
    return total / len(labels)


@batches
def test_value_and_gradient_follow_the_formula(
    seed: int, size: int, classes: int, exponent: float, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda *given: generalised_cross_entropy(*given, exponent),
        lambda *given: generalised(*given, exponent),
        *drawn(seed, size, classes),
    )


@batches
def test_it_lies_between_half_the_absolute_error_and_the_cross_entropy(
    seed: int, size: int, classes: int, exponent: float
) -> None:
    given = drawn(seed, size, classes)
    logits, labels = map(torch.from_numpy, given)

    loss = generalised_cross_entropy(logits, labels, exponent)

    certain = np.eye(classes)[given[1]]
    p = np.exp(given[0]) / np.exp(given[0]).sum(1, keepdims=True)
    assert np.abs(p - certain).sum(1).mean() / 2 <= loss + 1e-12
    assert loss <= cross_entropy(logits, labels) + 1e-12
    assert loss <= 1 / exponent


@batches
def test_with_a_small_exponent_it_is_the_cross_entropy(seed: int, size: int, classes: int, exponent: float) -> None:
    logits, labels = map(torch.from_numpy, drawn(seed, size, classes))

    loss = generalised_cross_entropy(logits, labels, exponent * 1e-9)

    torch.testing.assert_close(loss, cross_entropy(logits, labels))


def test_a_label_that_is_surely_wrong_pulls_no_more() -> None:
    logits = torch.tensor([[300.0, -300.0, 0.0]], requires_grad=True)

    loss = generalised_cross_entropy(logits, torch.tensor([1]), 0.7)
    loss.backward()

    assert loss.item() == pytest.approx(1 / 0.7)
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros(1, 3))


@pytest.mark.parametrize(("options", "exponent"), [({}, 0.7), ({"exponent": 0.3}, 0.3)])
def test_the_student_learns_by_the_bounded_loss(
    options: dict[str, float],
    exponent: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")

    supervision = METHODS["generalised_cross_entropy"](student, **options).eval()(batch)

    expected = generalised(supervision.logits.detach().double().numpy(), batch.labels.numpy(), exponent)
    assert {name: loss.item() for name, loss in supervision.losses.items()} == {
        "generalised_cross_entropy": pytest.approx(expected, rel=1e-5)
    }
