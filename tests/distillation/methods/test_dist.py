from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.dist import inter_class_loss, intra_class_loss
from robustkd.models import PixelModel

batches = given(
    seed=st.integers(0, 999), size=st.integers(2, 5), classes=st.integers(2, 5), temperature=st.floats(0.5, 8)
)


def drawn(seed: int, size: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    student, teacher = np.random.default_rng(seed).normal(0, 3, (2, size, classes))
    return student, teacher


def softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp(logits / temperature)
    return weights / weights.sum(1, keepdims=True)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    above = below_first = below_second = 0.0
    for x, y in zip(first - first.mean(), second - second.mean(), strict=True):
        above, below_first, below_second = above + x * y, below_first + x * x, below_second + y * y
    return above / (np.sqrt(below_first) * np.sqrt(below_second) + 1e-8)


def inter(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    p_s, p_t = (softened(logits, temperature) for logits in (student, teacher))
    total = sum(1 - correlation(p_s[image], p_t[image]) for image in range(len(p_s)))
    return temperature**2 * total / len(p_s)


def intra(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    p_s, p_t = (softened(logits, temperature) for logits in (student, teacher))
    total = sum(1 - correlation(p_s[:, k], p_t[:, k]) for k in range(p_s.shape[1]))
    return temperature**2 * total / p_s.shape[1]


losses = pytest.mark.parametrize(("loss", "reference"), [(inter_class_loss, inter), (intra_class_loss, intra)])
Loss = Callable[[Tensor, Tensor, float], Tensor]


@losses
@batches
def test_value_and_gradient_follow_the_formula(
    loss: Loss,
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


def test_three_classes_whose_correlation_is_known() -> None:
    # centred (1, −1, 0) / 3 against (1, 0, −1) / 3: ρ = ½
    student, teacher = (torch.tensor([row], dtype=torch.float64).log() for row in ([2.0, 0.0, 1.0], [2.0, 1.0, 0.0]))

    assert inter_class_loss(student.clamp(min=-99), teacher.clamp(min=-99), 1.0).item() == pytest.approx(0.5, abs=1e-6)


@given(seed=st.integers(0, 999), share=st.floats(0.05, 1))
def test_a_student_with_less_confidence_but_the_same_order_loses_nothing(seed: int, share: float) -> None:
    """Mixing probabilities with even ones scales and shifts them, within an image and within a class."""
    teacher = softened(drawn(seed, 4, 5)[1], 4)
    student = share * teacher + (1 - share) / 5
    given = torch.from_numpy(student).log(), torch.from_numpy(teacher).log(), 1.0

    assert inter_class_loss(*given).item() == pytest.approx(0, abs=1e-4)
    assert intra_class_loss(*given).item() == pytest.approx(0, abs=1e-4)


@losses
@batches
def test_it_lies_between_zero_for_the_teacher_itself_and_twice_the_squared_temperature(
    loss: Loss, reference: Callable[..., float], seed: int, size: int, classes: int, temperature: float
) -> None:
    student, teacher = map(torch.from_numpy, drawn(seed, size, classes))

    assert 0 <= loss(student, teacher, temperature).item() <= 2 * temperature**2
    # zero but for the 1e-8 in the denominator, which counts where a row or a column hardly varies
    nothing_lost = reference(teacher.numpy(), teacher.numpy(), temperature)
    assert loss(teacher + 7, teacher, temperature).item() == pytest.approx(nothing_lost, abs=1e-5)


@pytest.mark.parametrize(
    ("logits", "teacher", "inter_class", "intra_class"),
    [
        ([[1.0, 0.0, 2.0]], [[1.0, 0.0, 2.0]], 0.0, 1.0),
        ([[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]], 1.0, 1.0),
        ([[500.0, 0.0, -500.0], [0.0, 500.0, 0.0]], [[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]], 0.0, None),
    ],
    ids=["a batch of one", "no preference", "certain"],
)
def test_what_does_not_vary_has_a_finite_value_and_gradient(
    logits: list[list[float]], teacher: list[list[float]], inter_class: float, intra_class: float | None
) -> None:
    student = torch.tensor(logits, requires_grad=True)

    values = [loss(student, torch.tensor(teacher), 1.0) for loss in (inter_class_loss, intra_class_loss)]
    torch.stack(values).sum().backward()

    assert values[0].item() == pytest.approx(inter_class, abs=1e-5)
    assert values[1].isfinite()
    assert intra_class is None or values[1].item() == intra_class
    assert student.grad is not None
    assert student.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "weights", "temperature"),
    [({}, (2, 2), 4), ({"inter_weight": 0.5, "intra_weight": 3.0, "temperature": 1.5}, (0.5, 3), 1.5)],
)
def test_the_two_relations_are_weighted_apart(
    options: dict[str, float],
    weights: tuple[float, float],
    temperature: float,
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, teacher = networks("cifar_resnet8", "cifar_wrn_10_1")
    method = METHODS["dist"](student, teacher, **options).eval()

    losses = method(batch).losses

    logits = [model(batch.pixels).detach().double().numpy() for model in (student, teacher)]
    assert losses["inter_class"].item() == pytest.approx(weights[0] * inter(*logits, temperature), rel=1e-3)
    assert losses["intra_class"].item() == pytest.approx(weights[1] * intra(*logits, temperature), rel=1e-3)
    torch.testing.assert_close(
        losses["cross_entropy"], torch.nn.functional.cross_entropy(student(batch.pixels), batch.labels)
    )
