from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import kd_loss
from robustkd.distillation.methods.dkd import nontarget_loss, target_loss
from robustkd.models import PixelModel

batches = given(
    seed=st.integers(0, 999), size=st.integers(1, 4), classes=st.integers(2, 5), temperature=st.floats(0.5, 8)
)


def drawn(seed: int, size: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    student, teacher = random.normal(0, 3, (2, size, classes))
    return student, teacher, random.integers(0, classes, size)


def softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp(logits / temperature)
    return weights / weights.sum()


def divergence(first: np.ndarray, second: np.ndarray) -> float:
    return float((first * np.log(first / second)).sum())


def target(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    total = 0.0
    for mine, theirs, label in zip(student, teacher, labels, strict=True):
        p_s, p_t = (softened(logits, temperature) for logits in (mine, theirs))
        # 1 − p as the sum of the others: near 1 the difference would lose its digits
        total += divergence(*(np.array([p[label], np.delete(p, label).sum()]) for p in (p_t, p_s)))
    return temperature**2 * total / len(labels)


def nontarget(student: np.ndarray, teacher: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    total = 0.0
    for mine, theirs, label in zip(student, teacher, labels, strict=True):
        p_s, p_t = (np.delete(softened(logits, temperature), label) for logits in (mine, theirs))
        total += divergence(p_t / p_t.sum(), p_s / p_s.sum())
    return temperature**2 * total / len(labels)


@batches
@pytest.mark.parametrize(("loss", "reference"), [(target_loss, target), (nontarget_loss, nontarget)])
def test_value_and_gradient_follow_the_formula(
    loss: Callable[..., Tensor],
    reference: Callable[..., float],
    seed: int,
    size: int,
    classes: int,
    temperature: float,
    assert_loss: Callable[..., None],
) -> None:
    assert_loss(
        lambda *given: loss(*given, temperature),
        lambda *given: reference(*given, temperature),
        *drawn(seed, size, classes),
    )


@given(seed=st.integers(0, 999), classes=st.integers(2, 6), temperature=st.floats(0.5, 8))
def test_hintons_loss_is_the_same_sum_with_a_weight_of_the_teachers_doubt(
    seed: int, classes: int, temperature: float
) -> None:
    student, teacher, labels = (torch.from_numpy(each) for each in drawn(seed, 1, classes))

    # equation 6
    doubt = 1 - torch.softmax(teacher / temperature, dim=1)[0, labels[0]]
    parts = [loss(student, teacher, labels, temperature) for loss in (target_loss, nontarget_loss)]
    torch.testing.assert_close(parts[0] + doubt * parts[1], kd_loss(student, teacher, temperature))


def test_with_two_classes_nothing_is_left_among_the_others() -> None:
    student, teacher, labels = (torch.from_numpy(each) for each in drawn(0, 3, 2))

    assert nontarget_loss(student, teacher, labels, 4.0).item() == 0
    torch.testing.assert_close(target_loss(student, teacher, labels, 4.0), kd_loss(student, teacher, 4.0))


def test_a_certain_teacher_gives_a_finite_loss_and_gradient() -> None:
    student = torch.tensor([[300.0, -300.0, 0.0]], requires_grad=True)
    given = (student, torch.tensor([[-1e4, 1e4, 0.0]]), torch.tensor([1]), 1.0)

    (target_loss(*given) + nontarget_loss(*given)).backward()

    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "weights", "temperature"),
    [({}, (1, 8), 4), ({"target_weight": 2.0, "nontarget_weight": 3.0, "temperature": 1.5}, (2, 3), 1.5)],
)
def test_the_two_parts_are_weighted_apart(
    options: dict[str, float],
    weights: tuple[float, float],
    temperature: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    method = METHODS["dkd"](student, teacher, **options).eval()

    losses = method(batch).losses

    logits = [model(batch.pixels).detach().double().numpy() for model in (student, teacher)]
    given = (*logits, batch.labels.numpy(), temperature)
    assert losses["target"].item() == pytest.approx(weights[0] * target(*given), rel=1e-3)
    assert losses["nontarget"].item() == pytest.approx(weights[1] * nontarget(*given), rel=1e-3)
    torch.testing.assert_close(
        losses["cross_entropy"], torch.nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )
