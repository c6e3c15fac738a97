import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.hinton import kd_loss
from robustkd.models import create_model


def wave(shape: tuple[int, ...], a: float, b: float, k: float = 1.0) -> torch.Tensor:
    """The test function k·sin(a·n + b) of the closed-form checks."""
    n = torch.arange(int(np.prod(shape)), dtype=torch.float64)
    return (k * torch.sin(a * n + b)).reshape(shape)


def reference(student: np.ndarray, teacher: np.ndarray, temperature: float) -> float:
    def softmax(z: np.ndarray) -> np.ndarray:
        shifted = np.exp(z / temperature - (z / temperature).max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)

    p, q = softmax(teacher), softmax(student)
    return float(temperature**2 * (p * np.log(p / q)).sum(axis=1).mean())


def test_the_loss_has_the_value_of_the_original_implementation() -> None:
    loss = kd_loss(wave((4, 10), 0.7, 0.1, 3), wave((4, 10), 0.9, 0.5, 4), temperature=4)

    assert float(loss) == pytest.approx(5.27374839104, abs=1e-10)


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(2, 9), st.floats(0.5, 20))
def test_the_loss_is_the_published_formula(seed: int, batch: int, classes: int, temperature: float) -> None:
    random = np.random.default_rng(seed)
    student, teacher = random.normal(0, 3, (2, batch, classes))

    loss = kd_loss(torch.from_numpy(student), torch.from_numpy(teacher), temperature)

    assert float(loss) == pytest.approx(reference(student, teacher, temperature), rel=1e-9, abs=1e-12)


@given(st.integers(0, 2**31))
def test_the_loss_is_zero_at_equality_and_never_negative(seed: int) -> None:
    student, teacher = torch.randn((2, 5, 7), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    assert float(kd_loss(teacher, teacher, 4)) == pytest.approx(0, abs=1e-12)
    assert float(kd_loss(student, teacher, 4)) >= 0


def test_the_gradient_is_that_of_finite_differences() -> None:
    student = wave((3, 5), 0.7, 0.1, 3).requires_grad_()
    teacher = wave((3, 5), 0.9, 0.5, 4)

    assert torch.autograd.gradcheck(lambda z: kd_loss(z, teacher, 4.0), (student,))


def test_half_precision_logits_are_computed_in_float32() -> None:
    logits = wave((2, 5), 0.7, 0.1, 3)

    assert kd_loss(logits.bfloat16(), logits.bfloat16(), 4).dtype == torch.float32


def test_the_weights_split_between_labels_and_teacher() -> None:
    student = create_model("cifar_wrn_10_1", num_classes=10, seed=0).eval()
    teacher = create_model("cifar_wrn_10_1", num_classes=10, seed=1).eval()
    batch = Batch(torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.tensor([1, 2, 3, 4]))
    z_s, z_t = (model(batch.pixels).detach().double().numpy() for model in (student, teacher))
    p = np.exp(z_s) / np.exp(z_s).sum(axis=1, keepdims=True)
    cross_entropy = -np.log(p[np.arange(4), [1, 2, 3, 4]]).mean()

    method = METHODS["hinton"](student, teacher, kd_weight=0.7, temperature=3.0).eval()
    losses = {name: float(loss.detach()) for name, loss in method(batch).losses.items()}

    assert losses["cross_entropy"] == pytest.approx(0.3 * cross_entropy, rel=1e-5)
    assert losses["kd"] == pytest.approx(0.7 * reference(z_s, z_t, 3.0), rel=1e-4)


def test_it_needs_a_teacher() -> None:
    with pytest.raises(ValueError, match="needs a teacher"):
        METHODS["hinton"](create_model("cifar_wrn_10_1", num_classes=10))
