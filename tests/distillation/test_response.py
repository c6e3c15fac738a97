"""Losses of predictions against NumPy in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from robustkd.distillation.response import (
    as_compared,
    brier_loss,
    drawn_labels,
    log_probability_loss,
    logit_loss,
    reverse_kl_loss,
    standardised,
    symmetric_kl_loss,
    teacher_label_loss,
)

AssertLoss = Callable[..., None]


def softened(values: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp(values / temperature)
    return np.asarray(weights / weights.sum(1, keepdims=True))


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    return float((p * np.log(p / q)).sum(1).mean())


@pytest.fixture
def logits() -> np.ndarray:
    """Of student and teacher, (2, 6, 5)."""
    return np.random.default_rng(0).normal(0, 3, (2, 6, 5))


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_value_and_gradient_follow_the_formula(logits: np.ndarray, temperature: float, assert_loss: AssertLoss) -> None:
    def reverse(student: np.ndarray, teacher: np.ndarray) -> float:
        return temperature**2 * divergence(softened(student, temperature), softened(teacher, temperature))

    def symmetric(student: np.ndarray, teacher: np.ndarray) -> float:
        return reverse(student, teacher) + reverse(teacher, student)

    def brier(student: np.ndarray, teacher: np.ndarray) -> float:
        return float(((softened(student, temperature) - softened(teacher, temperature)) ** 2).mean())

    for loss, reference in ((reverse_kl_loss, reverse), (symmetric_kl_loss, symmetric), (brier_loss, brier)):
        assert_loss(lambda student, teacher, loss=loss: loss(student, teacher, temperature), reference, *logits)


def test_the_loss_of_logits_is_their_mean_squared_difference(logits: np.ndarray, assert_loss: AssertLoss) -> None:
    assert_loss(logit_loss, lambda student, teacher: float(((student - teacher) ** 2).mean()), *logits)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_loss_of_the_teachers_labels_is_their_softened_log_probability(
    logits: np.ndarray, temperature: float
) -> None:
    labels = logits[1].argmax(1)

    found = teacher_label_loss(torch.from_numpy(logits[0]), torch.from_numpy(labels), temperature)

    picked = softened(logits[0], temperature)[np.arange(6), labels]
    assert found.item() == pytest.approx(-(temperature**2) * np.log(picked).mean(), rel=1e-9)


def test_log_probabilities_are_compared_by_their_mean_squared_difference(
    logits: np.ndarray, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda student, teacher: log_probability_loss(student, teacher, 3.0),
        lambda student, teacher: float(((np.log(softened(student, 3.0)) - np.log(softened(teacher, 3.0))) ** 2).mean()),
        *logits,
    )


def test_standardised_logits_have_mean_0_and_the_unbiased_deviation_1(logits: np.ndarray) -> None:
    found = standardised(torch.from_numpy(logits[0])).numpy()

    expected = (logits[0] - logits[0].mean(1, keepdims=True)) / logits[0].std(1, ddof=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_logits_of_several_networks_are_standardised_each_for_itself(logits: np.ndarray) -> None:
    single, stacked = torch.from_numpy(logits[0]), torch.from_numpy(np.stack([5 * logits[1] + 1, -logits[0]]))

    left, (of_two, turned) = as_compared(single, stacked, standardise=True)

    def rows(values: np.ndarray) -> np.ndarray:
        return (values - values.mean(1, keepdims=True)) / values.std(1, ddof=1, keepdims=True)

    np.testing.assert_allclose(left, rows(logits[0]), rtol=1e-6)
    np.testing.assert_allclose(of_two, rows(logits[1]), rtol=1e-6)
    np.testing.assert_allclose(turned, -rows(logits[0]), rtol=1e-6)
    assert as_compared(single, stacked, standardise=False) == (single, stacked)


def test_standardised_logits_of_one_value_have_no_gradient_that_is_not_finite() -> None:
    logits = torch.zeros(2, 4, requires_grad=True)

    standardised(logits).sum().backward()

    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_labels_are_drawn_as_often_as_the_teacher_expects_them() -> None:
    torch.manual_seed(0)
    teacher = torch.tensor([[2.0, 0.0, -2.0]]).expand(20_000, -1)

    drawn = torch.bincount(drawn_labels(teacher, 2.0), minlength=3) / len(teacher)

    weights = np.exp([1.0, 0.0, -1.0])
    np.testing.assert_allclose(drawn, weights / weights.sum(), atol=0.012)  # 3.4 standard deviations of 20,000 draws


@pytest.mark.parametrize("loss", [reverse_kl_loss, symmetric_kl_loss, brier_loss])
def test_a_student_like_its_teacher_has_no_loss(loss: Callable[..., Tensor], logits: np.ndarray) -> None:
    same = torch.from_numpy(logits[0])

    assert loss(same, same, 4.0).item() == pytest.approx(0, abs=1e-12)
