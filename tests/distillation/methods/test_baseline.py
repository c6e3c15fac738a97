from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import cross_entropy
from robustkd.models import PixelModel


def reference(logits: np.ndarray, labels: np.ndarray) -> float:
    weights = np.exp(logits)
    picked = np.take_along_axis(weights, labels[:, None], 1)[:, 0]
    return float(np.mean(-np.log(picked / weights.sum(1))))


def test_cross_entropy_is_what_the_original_code_gives(wave: Callable[..., Tensor]) -> None:
    value = cross_entropy(wave((4, 10), 0.7, 0.1, 3), torch.tensor([3, 1, 4, 1]))

    assert value.item() == pytest.approx(3.18429093419, rel=1e-11)


@given(size=st.integers(1, 5), classes=st.integers(2, 6), seed=st.integers(0, 999))
def test_value_and_gradient_follow_the_formula(
    size: int, classes: int, seed: int, assert_loss: Callable[..., None]
) -> None:
    random = np.random.default_rng(seed)

    assert_loss(cross_entropy, reference, random.normal(0, 2, (size, classes)), random.integers(0, classes, size))


def test_the_student_learns_from_the_labels_alone(
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]], batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["baseline"](student).eval()

    supervision = method(batch)

    assert not METHODS["baseline"].needs_teacher
    assert torch.equal(supervision.logits, student(batch.pixels))
    expected = reference(supervision.logits.detach().double().numpy(), batch.labels.numpy())
    assert supervision.losses["cross_entropy"].item() == pytest.approx(expected, rel=1e-5)
    assert method.export() is student
