from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.generalised_cross_entropy import generalised_cross_entropy
from robustkd.distillation.methods.symmetric_cross_entropy import reverse_cross_entropy
from robustkd.models import PixelModel

batches = given(
    seed=st.integers(0, 999), size=st.integers(1, 4), classes=st.integers(2, 5), log_zero=st.floats(-9, -0.5)
)


def drawn(seed: int, size: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(0, 3, (size, classes)), random.integers(0, classes, size)


def softened(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum()


def reverse(logits: np.ndarray, labels: np.ndarray, log_zero: float) -> float:
    total = 0.0
    for each, label in zip(logits, labels, strict=True):
        for k, p in enumerate(softened(each)):
            log_q = 0.0 if k == label else log_zero
            total -= p * log_q
    return total / len(labels)


@batches
def test_value_and_gradient_follow_the_formula(
    seed: int, size: int, classes: int, log_zero: float, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda *given: reverse_cross_entropy(*given, log_zero),
        lambda *given: reverse(*given, log_zero),
        *drawn(seed, size, classes),
    )


@batches
def test_it_is_bounded_and_a_multiple_of_the_absolute_error(
    seed: int, size: int, classes: int, log_zero: float
) -> None:
    logits, labels = map(torch.from_numpy, drawn(seed, size, classes))

    loss = reverse_cross_entropy(logits, labels, log_zero)

    assert 0 <= loss <= -log_zero
    torch.testing.assert_close(loss, -log_zero * generalised_cross_entropy(logits, labels, 1.0))


def test_a_label_that_is_surely_wrong_pulls_no_more() -> None:
    logits = torch.tensor([[300.0, -300.0, 0.0]], requires_grad=True)

    loss = reverse_cross_entropy(logits, torch.tensor([1]), -4.0)
    loss.backward()

    assert loss.item() == 4
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("options", "ce_weight", "reverse_weight", "log_zero"),
    [({}, 0.1, 1, -4), ({"ce_weight": 6.0, "reverse_weight": 0.5, "log_zero": -6.0}, 6, 0.5, -6)],
)
def test_both_directions_are_weighted_apart(
    options: dict[str, float],
    ce_weight: float,
    reverse_weight: float,
    log_zero: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")

    supervision = METHODS["symmetric_cross_entropy"](student, **options).eval()(batch)

    logits, labels = supervision.logits.detach().double().numpy(), batch.labels.numpy()
    errors = [-np.log(softened(each)[label]) for each, label in zip(logits, labels, strict=True)]
    expected = {
        "cross_entropy": ce_weight * float(np.mean(errors)),
        "reverse": reverse_weight * reverse(logits, labels, log_zero),
    }
    assert {name: loss.item() for name, loss in supervision.losses.items()} == pytest.approx(expected, rel=1e-5)
