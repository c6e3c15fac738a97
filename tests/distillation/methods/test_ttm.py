from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.methods.ttm import transformed_teacher_loss
from robustkd.models import PixelModel

batches = given(
    seed=st.integers(0, 999), size=st.integers(1, 4), classes=st.integers(2, 5), temperature=st.floats(0.5, 12)
)


def drawn(seed: int, size: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    student, teacher = np.random.default_rng(seed).normal(0, 3, (2, size, classes))
    return student, teacher


def reference(student: np.ndarray, teacher: np.ndarray, temperature: float, variant: str = "original") -> float:
    total = 0.0
    for mine, theirs in zip(student, teacher, strict=True):
        p_s, p_t = (np.exp(logits) / np.exp(logits).sum() for logits in (mine, theirs))
        power = p_t ** (1 / temperature)
        target = power / power.sum()
        divergence = float((target * np.log(target / p_s)).sum())
        total += divergence * (float(power.sum()) if variant == "weighted" else 1.0)
    return total / len(student)


variants = pytest.mark.parametrize("variant", ["original", "weighted"])


@variants
@batches
def test_value_and_gradient_follow_the_formula(
    variant: str, seed: int, size: int, classes: int, temperature: float, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda *given: transformed_teacher_loss(*given, temperature, variant=variant),
        lambda *given: reference(*given, temperature, variant),
        *drawn(seed, size, classes),
    )


@batches
def test_it_is_hintons_loss_of_a_student_whose_logits_are_scaled_beforehand(
    seed: int, size: int, classes: int, temperature: float
) -> None:
    student, teacher = map(torch.from_numpy, drawn(seed, size, classes))

    expected = kd_loss(temperature * student, teacher, temperature) / temperature**2
    torch.testing.assert_close(transformed_teacher_loss(student, teacher, temperature), expected)


@batches
def test_the_gradient_is_the_difference_of_the_predictions_whatever_the_temperature(
    seed: int, size: int, classes: int, temperature: float
) -> None:
    student, teacher = map(torch.from_numpy, drawn(seed, size, classes))
    student.requires_grad_()

    transformed_teacher_loss(student, teacher, temperature).backward()

    expected = (torch.softmax(student.detach(), dim=1) - torch.softmax(teacher / temperature, dim=1)) / size
    torch.testing.assert_close(student.grad, expected)


@pytest.mark.parametrize(
    ("teacher", "weight"),
    [([0.0, 0.0, 0.0, 0.0], 4**0.5), ([999.0, 0.0, 0.0, 0.0], 1.0)],
    ids=["knows nothing", "certain"],
)
def test_the_weight_of_an_image_grows_with_the_teachers_doubt(teacher: list[float], weight: float) -> None:
    student, taught = torch.tensor([[1.0, 0.0, 3.0, 0.0]]), torch.tensor([teacher])

    plain, weighted = (
        transformed_teacher_loss(student, taught, 2.0, variant=variant).item() for variant in ("original", "weighted")
    )

    assert weighted == pytest.approx(weight * plain, rel=1e-6)


@variants
def test_logits_of_any_size_give_a_finite_loss(variant: str) -> None:
    student = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)

    loss = transformed_teacher_loss(student, torch.tensor([[-1e4, 1e4, 0.0]]), 10.0, variant=variant)
    loss.backward()

    assert loss.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "weight", "temperature"),
    [
        ({}, 45, 10),
        ({"variant": "weighted"}, 4, 10),
        ({"variant": "weighted", "kd_weight": 0.5, "temperature": 2.0}, 0.5, 2),
        ({"kd_weight": 0.0}, 0, 10),
    ],
)
def test_the_divergence_is_weighted_and_added_to_the_labels(
    options: dict[str, object],
    weight: float,
    temperature: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    method = METHODS["ttm"](student, teacher, **options).eval()

    losses = method(batch).losses

    logits = [model(batch.pixels).detach().double().numpy() for model in (student, teacher)]
    expected = weight * reference(*logits, temperature, str(options.get("variant", "original")))
    assert losses["kd"].item() == pytest.approx(expected, rel=1e-3)
    torch.testing.assert_close(
        losses["cross_entropy"], torch.nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )
