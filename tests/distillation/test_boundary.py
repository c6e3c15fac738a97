import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from robustkd.distillation.boundary import base_samples, boundary_samples, draw_targets

UNIT = (torch.zeros(()), torch.ones(()))
WIDE = (torch.tensor(-1e6), torch.tensor(1e6))


class Linear(nn.Module):
    """Logits W·x, so that every gradient is known."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.flatten(1) @ self.weight.T


def softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits)
    return weights / weights.sum()


def chosen_by_loops(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, size: int) -> list[int]:
    scores = {}
    for index, label in enumerate(labels):
        if student[index].argmax() == label and teacher[index].argmax() == label:
            gap = (softmax(teacher[index]) - softmax(student[index])) ** 2
            scores[index] = gap.sum() - gap[label]
    return sorted(scores, key=scores.__getitem__, reverse=True)[:size]


@given(seed=st.integers(0, 999), size=st.integers(1, 12))
def test_the_most_differing_of_those_that_both_get_right_are_chosen(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, 9)
    student, teacher = random.normal(size=(2, 9, 3)) + 1.5 * np.eye(3)[labels]
    expected = chosen_by_loops(student, teacher, labels, size)

    chosen, weights = base_samples(*map(torch.from_numpy, (student, teacher, labels)), size)

    assert len(chosen) == len(weights) == min(size, 9)
    assert weights.tolist() == [1.0] * len(expected) + [0.0] * (len(weights) - len(expected))
    assert chosen[: len(expected)].tolist() == expected
    if expected:
        # the slots that are left repeat them in turn
        assert chosen.tolist() == [expected[slot % len(expected)] for slot in range(len(chosen))]


def test_no_slot_counts_where_no_image_qualifies() -> None:
    chosen, weights = base_samples(torch.eye(3), torch.eye(3), torch.tensor([1, 2, 0]), 2)

    assert len(chosen) == 2
    assert weights.tolist() == [0, 0]


def test_targets_are_drawn_from_the_prediction_without_the_label() -> None:
    logits = torch.tensor([0.5, 0.3, 0.2]).log().expand(20_000, 3)
    torch.manual_seed(0)

    drawn = draw_targets(logits, torch.zeros(20_000, dtype=torch.int64))

    # 0.3 / 0.5 and 0.2 / 0.5; four standard deviations are 0.014
    shares = torch.bincount(drawn, minlength=3) / 20_000
    assert shares[0] == 0
    assert shares[1].item() == pytest.approx(0.6, abs=0.014)


def test_a_certain_prediction_still_has_targets() -> None:
    torch.manual_seed(0)

    assert draw_targets(torch.tensor([[1e4, 0.0, -1e4]]), torch.tensor([0])).tolist() == [1]


@given(seed=st.integers(0, 999), steps=st.integers(1, 6))
def test_steps_follow_the_formula_and_stop_at_the_flip(seed: int, steps: int) -> None:
    random = np.random.default_rng(seed)
    weight, images = random.normal(size=(4, 6)), random.normal(size=(3, 1, 2, 3))
    labels = (images.reshape(3, -1) @ weight.T).argmax(1)
    targets = (labels + random.integers(1, 4, 3)) % 4

    found = boundary_samples(
        Linear(torch.from_numpy(weight)),
        *map(torch.from_numpy, (images, labels, targets)),
        steps=steps,
        step_size=0.3,
        bounds=WIDE,
    )

    for image, label, target, moved in zip(images.reshape(3, -1), labels, targets, found.flatten(1), strict=True):
        x = image.copy()
        for _ in range(steps):
            logits = weight @ x
            if logits.argmax() == label:
                towards = weight[target] - weight[label]
                x = x + 0.3 * (logits[label] - logits[target] + 1e-4) * towards / np.sqrt(towards @ towards)
        np.testing.assert_allclose(moved, x, rtol=1e-5, atol=1e-6)


@given(seed=st.integers(0, 999), steps=st.integers(1, 4))
def test_steps_by_probability_follow_the_difference_of_the_probabilities(seed: int, steps: int) -> None:
    random = np.random.default_rng(seed)
    weight, images = random.normal(size=(4, 6)), random.normal(size=(3, 1, 2, 3))
    labels = (images.reshape(3, -1) @ weight.T).argmax(1)
    targets = (labels + random.integers(1, 4, 3)) % 4

    found = boundary_samples(
        Linear(torch.from_numpy(weight)),
        *map(torch.from_numpy, (images, labels, targets)),
        steps=steps,
        step_size=0.3,
        bounds=WIDE,
        by_probability=True,
    )

    for image, label, target, moved in zip(images.reshape(3, -1), labels, targets, found.flatten(1), strict=True):
        x = image.copy()
        for _ in range(steps):
            if (weight @ x).argmax() == label:
                p = softmax(weight @ x)
                # of p_target − p_label, from dp_k / dx = p_k (w_k − Σ p w)
                mean = p @ weight
                towards = p[target] * (weight[target] - mean) - p[label] * (weight[label] - mean)
                x = x + 0.3 * (p[label] - p[target] + 1e-4) * towards / np.sqrt(towards @ towards)
        np.testing.assert_allclose(moved, x, rtol=1e-4, atol=1e-5)


def test_an_image_moves_just_over_the_boundary() -> None:
    # two classes, x against 0.5
    model = Linear(torch.tensor([[2.0, -1.0], [-2.0, 1.0]]))
    pixels = torch.tensor([[[[0.9, 0.1]]]])

    moved = boundary_samples(
        model, pixels, torch.tensor([0]), torch.tensor([1]), steps=100, step_size=0.05, bounds=WIDE
    )

    logits = model(moved)[0]
    assert logits[1] > logits[0]
    assert (logits[1] - logits[0]) < 0.01


def test_pixels_stay_within_their_bounds() -> None:
    model = Linear(torch.tensor([[5.0, 5.0], [-5.0, -5.0]]))

    moved = boundary_samples(
        model, torch.tensor([[[[0.05, 0.9]]]]), torch.tensor([0]), torch.tensor([1]), steps=1, step_size=9, bounds=UNIT
    )

    assert moved.tolist() == [[[[0.0, 0.0]]]]


def test_without_a_gradient_an_image_stays_where_it_is() -> None:
    pixels = torch.rand(2, 1, 1, 2)

    moved = boundary_samples(
        Linear(torch.zeros(2, 2)),
        pixels,
        torch.tensor([0, 0]),
        torch.tensor([1, 1]),
        steps=3,
        step_size=0.3,
        bounds=UNIT,
    )

    torch.testing.assert_close(moved, pixels)


def test_neither_the_images_nor_the_result_carry_a_gradient() -> None:
    pixels = torch.rand(2, 1, 1, 2)
    before = pixels.clone()
    model = Linear(torch.rand(2, 2, generator=torch.Generator().manual_seed(0)))

    with torch.no_grad():
        moved = boundary_samples(
            model, pixels, torch.tensor([0, 1]), torch.tensor([1, 0]), steps=2, step_size=0.3, bounds=UNIT
        )

    assert torch.equal(pixels, before)
    assert not pixels.requires_grad
    assert not moved.requires_grad
