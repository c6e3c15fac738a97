from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import cross_entropy
from robustkd.distillation.methods.focal import focal_loss
from robustkd.models import PixelModel

batches = given(seed=st.integers(0, 999), size=st.integers(1, 4), classes=st.integers(2, 5))


def drawn(seed: int, size: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(0, 3, (size, classes)), random.integers(0, classes, size)


def focal(logits: np.ndarray, labels: np.ndarray, focus: float) -> float:
    total = 0.0
    for each, label in zip(logits, labels, strict=True):
        weights = np.exp(each)
        p, doubt = weights[label] / weights.sum(), np.delete(weights, label).sum() / weights.sum()
        total += -(doubt**focus) * np.log(p)
    return total / len(labels)


@batches
@pytest.mark.parametrize("focus", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_value_and_gradient_follow_the_formula(
    seed: int, size: int, classes: int, focus: float, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda *given: focal_loss(*given, focus), lambda *given: focal(*given, focus), *drawn(seed, size, classes)
    )


@batches
def test_without_focus_it_is_the_cross_entropy_and_with_it_less(seed: int, size: int, classes: int) -> None:
    logits, labels = map(torch.from_numpy, drawn(seed, size, classes))
    losses = [focal_loss(logits, labels, focus) for focus in (0.0, 0.5, 2.0)]

    torch.testing.assert_close(losses[0], cross_entropy(logits, labels))
    assert losses[0] >= losses[1] >= losses[2] >= 0


@pytest.mark.parametrize("focus", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("label", [0, 1])
def test_certain_predictions_give_a_finite_loss_and_gradient(focus: float, label: int) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)

    loss = focal_loss(logits, torch.tensor([label]), focus)
    loss.backward()

    assert loss.item() == pytest.approx((0, 2e4)[label])
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(("options", "focus"), [({}, 2), ({"focus": 0.7}, 0.7)])
def test_the_student_learns_from_the_weighted_labels(
    options: dict[str, float],
    focus: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")

    supervision = METHODS["focal"](student, **options).eval()(batch)

    expected = focal(supervision.logits.detach().double().numpy(), batch.labels.numpy(), focus)
    assert {name: loss.item() for name, loss in supervision.losses.items()} == {
        "focal": pytest.approx(expected, rel=1e-5)
    }
