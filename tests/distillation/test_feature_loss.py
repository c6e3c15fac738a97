from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.distillation.losses import feature_loss


def reference(student: np.ndarray, teacher: np.ndarray) -> float:
    return float(((student - teacher) ** 2).sum() / student.size)


@given(seed=st.integers(0, 999), channels=st.integers(1, 3), height=st.integers(1, 3))
def test_value_and_gradient_follow_the_formula(
    seed: int, channels: int, height: int, assert_loss: Callable[..., None]
) -> None:
    student, teacher = np.random.default_rng(seed).normal(size=(2, 2, channels, height, 2))

    assert_loss(feature_loss, reference, student, teacher)


def test_maps_of_different_size_meet_at_the_smaller() -> None:
    student, teacher = torch.arange(4.0).view(1, 1, 2, 2), torch.tensor([[[[3.5]]]])

    # the student's mean is 1.5
    assert feature_loss(student, teacher).item() == pytest.approx(4)
    assert feature_loss(teacher, student).item() == pytest.approx(4)
