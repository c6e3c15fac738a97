from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.sp import similarity_loss
from robustkd.models import PixelModel


def features(seed: int, size: int = 4, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(size, width))


def similarities(features: np.ndarray) -> np.ndarray:
    flat = features.reshape(len(features), -1)
    return np.array([[np.dot(first, second) for second in flat] for first in flat])


def unit_l2(rows: np.ndarray) -> np.ndarray:
    return rows / np.sqrt((rows**2).sum(1, keepdims=True))


def unit_l1(rows: np.ndarray) -> np.ndarray:
    return rows / np.abs(rows).sum(1, keepdims=True)


def reference(student: np.ndarray, teacher: np.ndarray) -> float:
    return float(((unit_l2(similarities(student)) - unit_l2(similarities(teacher))) ** 2).sum() / len(student) ** 2)


def reference_of_torchdistill(student: np.ndarray, teacher: np.ndarray) -> float:
    return float(((unit_l1(similarities(student)) - unit_l1(similarities(teacher))) ** 2).sum() / len(student) ** 2)


def test_the_loss_is_what_the_original_code_gives(wave: Callable[..., Tensor]) -> None:
    value = similarity_loss(wave((4, 6, 4, 4), 0.37, 0.2), wave((4, 8, 4, 4), 0.53, 0.4))

    assert value.item() == pytest.approx(0.33101396217, rel=1e-11)


@given(seed=st.integers(0, 999), size=st.integers(1, 5), width=st.integers(1, 4))
def test_value_and_gradient_follow_the_formula(
    seed: int, size: int, width: int, assert_loss: Callable[..., None]
) -> None:
    assert_loss(similarity_loss, reference, features(seed, size, width), features(seed + 1000, size, 3))


@given(seed=st.integers(0, 999), size=st.integers(1, 5), width=st.integers(1, 4))
def test_torchdistill_scales_rows_to_unit_l1_norm(
    seed: int, size: int, width: int, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda student, teacher: similarity_loss(student, teacher, variant="torchdistill"),
        reference_of_torchdistill,
        features(seed, size, width),
        features(seed + 1000, size, 3),
    )


def test_rows_have_unit_l2_norm() -> None:
    # similarities of the student (1, 2; 2, 4) and of the teacher (1, 0; 0, 1)
    student, teacher = torch.tensor([[1.0], [2.0]]), torch.eye(2)

    # with each row of the student divided by its L2 norm: (1, 2) / √5
    distance = 2 * ((1 / 5**0.5 - 1) ** 2 + 4 / 5 + 1 / 5 + (2 / 5**0.5 - 1) ** 2) / 2
    assert similarity_loss(student, teacher).item() == pytest.approx(distance / 4)
    # by their L1 norm: (1, 2) / 3
    distance = (1 / 3 - 1) ** 2 + 4 / 9 + 1 / 9 + (2 / 3 - 1) ** 2
    assert similarity_loss(student, teacher, variant="torchdistill").item() == pytest.approx(distance / 4)


@given(seed=st.integers(0, 99))
def test_rotating_the_features_changes_nothing(seed: int) -> None:
    student, teacher = features(seed), features(seed + 1000)
    turned = student @ ortho_group.rvs(5, random_state=seed)

    values = [similarity_loss(torch.from_numpy(each), torch.from_numpy(teacher)).item() for each in (student, turned)]

    assert values[1] == pytest.approx(values[0], rel=1e-9)


@pytest.mark.parametrize("scale", [0.01, 30.0])
def test_a_common_scale_changes_nothing(scale: float) -> None:
    student, teacher = (torch.from_numpy(features(seed)) for seed in (0, 1))

    torch.testing.assert_close(similarity_loss(scale * student, teacher), similarity_loss(student, teacher))


def test_equal_similarities_cost_nothing_whatever_the_width() -> None:
    teacher = torch.from_numpy(features(0))

    assert similarity_loss(torch.cat([teacher, -teacher], dim=1), teacher).item() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("options", "weight", "formula"),
    [
        ({}, 3000, reference),
        ({"sp_weight": 2.0}, 2, reference),
        ({"variant": "torchdistill"}, 3000, reference_of_torchdistill),
    ],
)
def test_block_3_is_compared(
    options: dict[str, float],
    weight: float,
    formula: Callable[[np.ndarray, np.ndarray], float],
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["sp"](student, teacher, **options).eval()

    losses = method(batch).losses

    blocks = [model.outputs(batch.pixels).blocks[3].detach().double().numpy() for model in (student, teacher)]
    assert losses["similarity"].item() == pytest.approx(weight * formula(*blocks), rel=1e-4)
    torch.testing.assert_close(
        losses["cross_entropy"], torch.nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )
