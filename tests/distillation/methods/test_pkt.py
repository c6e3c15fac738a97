from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ortho_group

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.pkt import neighbour_loss
from robustkd.models import PixelModel


def features(seed: int, size: int = 4, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(size, width))


def kernel(first: np.ndarray, second: np.ndarray) -> float:
    return float(0.5 * (1 + first @ second / np.sqrt((first @ first) * (second @ second))))


def original(student: np.ndarray, teacher: np.ndarray) -> float:
    total = 0.0
    for i in range(len(student)):
        others = [j for j in range(len(student)) if j != i]
        found, wanted = (np.array([kernel(each[i], each[j]) for j in others]) for each in (student, teacher))
        if others:
            total += float((wanted / wanted.sum() * np.log(wanted / wanted.sum() * found.sum() / found)).sum())
    return total


def tian2020(student: np.ndarray, teacher: np.ndarray) -> float:
    found, wanted = (np.array([[kernel(x, y) for y in each] for x in each]) for each in (student, teacher))
    found, wanted = (each / each.sum(1, keepdims=True) for each in (found, wanted))
    return float((wanted * np.log((wanted + 1e-7) / (found + 1e-7))).mean())


REFERENCES = {"tian2020": tian2020, "original": original}
variants = pytest.mark.parametrize("variant", REFERENCES)


@variants
@given(seed=st.integers(0, 999), size=st.integers(1, 5), width=st.integers(2, 4))
def test_value_and_gradient_follow_the_formula(
    variant: str, seed: int, size: int, width: int, assert_loss: Callable[..., None]
) -> None:
    student, teacher = features(seed, size, width), features(seed + 1000, size, 3)

    assert_loss(lambda *given: neighbour_loss(*given, variant=variant), REFERENCES[variant], student, teacher)


def test_three_images_whose_neighbours_are_known() -> None:
    # cosines 0, 0, 1 of the teacher, so kernels ½, ½, 1; all of the student are 1
    teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]], dtype=torch.float64)
    student = torch.ones(3, 2, dtype=torch.float64)

    # the first chooses evenly, the others choose with ⅓ and ⅔ where the student has ½
    expected = 2 * (np.log(2 / 3) / 3 + 2 * np.log(4 / 3) / 3)
    assert neighbour_loss(student, teacher, variant="original").item() == pytest.approx(expected, rel=1e-9)


@variants
@given(seed=st.integers(0, 99))
def test_rotating_and_scaling_the_features_changes_nothing(variant: str, seed: int) -> None:
    student, teacher = features(seed), features(seed + 1000)
    turned = 7 * student @ ortho_group.rvs(5, random_state=seed)

    values = [
        neighbour_loss(torch.from_numpy(each), torch.from_numpy(teacher), variant=variant).item()
        for each in (student, turned)
    ]

    assert values[1] == pytest.approx(values[0], rel=1e-7)


@variants
@pytest.mark.parametrize(
    "points",
    [torch.zeros(3, 2), torch.tensor([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]]), torch.ones(1, 2)],
    ids=["zero", "opposite", "a single image"],
)
def test_degenerate_features_have_a_finite_loss_and_gradient(variant: str, points: torch.Tensor) -> None:
    student = points.clone().requires_grad_()
    teacher = torch.from_numpy(features(0, len(points), 2)).float()

    loss = neighbour_loss(student, teacher, variant=variant)
    loss.backward()

    assert loss.isfinite()
    assert neighbour_loss(teacher, points, variant=variant).isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "weight"), [({}, 30000), ({"pkt_weight": 7.3, "variant": "original"}, 7.3)], ids=["default", "original"]
)
def test_pooled_features_are_compared(
    options: dict[str, object],
    weight: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_wrn_10_1", "cifar_wrn_10_2")
    method = METHODS["pkt"](student, teacher, **options).eval()

    losses = method(batch).losses

    pooled = [model.outputs(batch.pixels).pooled.detach().double().numpy() for model in (student, teacher)]
    expected = REFERENCES[str(options.get("variant", "tian2020"))](*pooled)
    assert losses["neighbours"].item() == pytest.approx(weight * expected, rel=1e-3)
    torch.testing.assert_close(
        losses["cross_entropy"], torch.nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )
