from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.at import attention_loss
from robustkd.models import PixelModel


def maps(seed: int, channels: int, height: int = 2, width: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(2, channels, height, width))


def attention(features: np.ndarray) -> np.ndarray:
    rows = [(image**2).sum(0).ravel() for image in features]
    return np.array([row / np.sqrt((row**2).sum()) for row in rows])


def mean_of_squares(student: np.ndarray, teacher: np.ndarray) -> float:
    return float(((attention(student) - attention(teacher)) ** 2).mean())


def half_the_norm(student: np.ndarray, teacher: np.ndarray) -> float:
    difference = attention(student) - attention(teacher)
    norms = [np.sqrt((row**2).sum()) for row in difference]
    return float(np.mean(norms) / 2 / difference.shape[1])


def test_the_loss_is_what_the_original_code_gives(wave: Callable[..., Tensor]) -> None:
    value = attention_loss(wave((4, 6, 4, 4), 0.37, 0.2), wave((4, 8, 4, 4), 0.53, 0.4))

    assert value.item() == pytest.approx(0.00499420497698, rel=1e-11)


@given(seed=st.integers(0, 999), channels=st.integers(1, 3))
def test_value_and_gradient_follow_the_formula(seed: int, channels: int, assert_loss: Callable[..., None]) -> None:
    assert_loss(attention_loss, mean_of_squares, maps(seed, channels), maps(seed + 1000, 4))


@given(seed=st.integers(0, 999), channels=st.integers(1, 3))
def test_original_is_equation_2_of_its_paper(seed: int, channels: int, assert_loss: Callable[..., None]) -> None:
    assert_loss(
        lambda student, teacher: attention_loss(student, teacher, variant="original"),
        half_the_norm,
        maps(seed, channels),
        maps(seed + 1000, 4),
    )


def test_two_maps_that_attend_to_different_places() -> None:
    here, there = torch.tensor([[[[3.0, 0.0]]]]), torch.tensor([[[[0.0, -0.5]]]])

    # the attention is (1, 0) and (0, 1)
    assert attention_loss(here, there).item() == pytest.approx(1)
    assert attention_loss(here, there, variant="original").item() == pytest.approx(2**0.5 / 4)


@pytest.mark.parametrize("variant", ["sarfraz2020", "original"])
def test_the_scale_of_an_image_does_not_matter(variant: str) -> None:
    student, teacher = torch.from_numpy(maps(0, 3)), torch.from_numpy(maps(1, 4))
    scales = torch.tensor([0.1, 20.0]).view(2, 1, 1, 1)

    scaled = attention_loss(scales * student, teacher / scales, variant=variant)

    torch.testing.assert_close(scaled, attention_loss(student, teacher, variant=variant))


@pytest.mark.parametrize("variant", ["sarfraz2020", "original"])
def test_equal_attention_costs_nothing_and_pulls_nowhere(variant: str) -> None:
    student = torch.from_numpy(maps(0, 3)).requires_grad_()

    loss = attention_loss(student, -student.detach(), variant=variant)
    loss.backward()

    assert loss.item() == 0
    assert student.grad is not None
    assert not student.grad.any()


def test_an_image_without_activation_has_a_finite_gradient() -> None:
    student = torch.zeros(1, 2, 2, 2, requires_grad=True)

    attention_loss(student, torch.rand(1, 2, 2, 2)).backward()

    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_the_larger_map_s_attention_is_pooled_not_its_features() -> None:
    # features of both signs would cancel
    student = torch.tensor([[[[1.0, -1.0, 0.0, 0.0]]]])

    assert attention_loss(student, torch.tensor([[[[1.0, 0.0]]]])).item() == 0


@pytest.mark.parametrize(
    ("options", "weight", "reference"),
    [
        ({}, 1000, mean_of_squares),
        ({"at_weight": 2.0}, 2, mean_of_squares),
        ({"variant": "original"}, 1000, half_the_norm),
    ],
)
def test_all_three_blocks_count(
    options: dict[str, float],
    weight: float,
    reference: Callable[[np.ndarray, np.ndarray], float],
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["at"](student, teacher, **options).eval()

    supervision = method(batch)

    pairs = zip(student.outputs(batch.pixels).blocks[1:], teacher.outputs(batch.pixels).blocks[1:], strict=True)
    expected = weight * sum(reference(*(each.detach().double().numpy() for each in pair)) for pair in pairs)
    assert supervision.losses["attention"].item() == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(
        supervision.losses["cross_entropy"],
        torch.nn.functional.cross_entropy(student(batch.pixels), batch.labels),
    )
