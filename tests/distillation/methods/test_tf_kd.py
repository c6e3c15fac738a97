from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.tf_kd import virtual_teacher_loss
from robustkd.models import PixelModel


def softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp(logits / temperature)
    return weights / weights.sum()


def virtual(label: int, classes: int, confidence: float) -> np.ndarray:
    taught = np.full(classes, (1 - confidence) / (classes - 1))
    taught[label] = confidence
    return taught


def original(logits: np.ndarray, labels: np.ndarray, temperature: float, confidence: float) -> float:
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        power = virtual(label, len(row), confidence) ** (1 / temperature)
        target = power / power.sum()
        total += float((target * np.log(target / softened(row, temperature))).sum())
    return total / len(logits)


def published_code(logits: np.ndarray, labels: np.ndarray, temperature: float, confidence: float) -> float:
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        target = softened(virtual(label, len(row), confidence), temperature)
        total += float((target * np.log(target / softened(row, 1))).sum())
    return total / len(logits)


REFERENCES = {"published_code": published_code, "original": original}
variants = pytest.mark.parametrize("variant", REFERENCES)


@variants
@given(
    seed=st.integers(0, 999),
    size=st.integers(1, 4),
    classes=st.integers(2, 5),
    temperature=st.floats(0.5, 40),
    confidence=st.floats(0.5, 0.999),
)
def test_value_and_gradient_follow_the_formula(
    variant: str,
    seed: int,
    size: int,
    classes: int,
    temperature: float,
    confidence: float,
    assert_loss: Callable[..., None],
) -> None:
    random = np.random.default_rng(seed)

    assert_loss(
        lambda *given: virtual_teacher_loss(*given, temperature, confidence, variant=variant),
        lambda *given: REFERENCES[variant](*given, temperature, confidence),
        random.normal(0, 3, (size, classes)),
        random.integers(0, classes, size),
    )


@variants
@given(label=st.integers(0, 3), temperature=st.floats(0.5, 40), confidence=st.floats(0.5, 0.999))
def test_the_virtual_teacher_itself_loses_nothing(
    variant: str, label: int, temperature: float, confidence: float
) -> None:
    taught = torch.from_numpy(virtual(label, 4, confidence))[None]
    logits = taught.log() if variant == "original" else taught / temperature

    loss = virtual_teacher_loss(logits, torch.tensor([label]), temperature, confidence, variant=variant)

    assert loss.item() == pytest.approx(0, abs=1e-12)


@given(seed=st.integers(0, 999), temperature=st.floats(1, 40))
def test_the_published_code_smooths_labels(seed: int, temperature: float) -> None:
    random = np.random.default_rng(seed)
    logits, labels = torch.from_numpy(random.normal(0, 3, (3, 5))), torch.from_numpy(random.integers(0, 5, 3))

    found = virtual_teacher_loss(logits, labels, temperature, 0.99)

    # a target that gives b to the label and o to each other class is b − o of the label and K · o of all evenly
    odds = np.exp((0.99 - 0.01 / 4) / temperature)
    other = 1 / (odds + 4)
    entropy = -(odds * other * np.log(odds * other) + 4 * other * np.log(other))
    smoothed = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=5 * other)
    assert found.item() == pytest.approx(smoothed.item() - entropy, rel=1e-9, abs=1e-12)


def test_the_gradient_of_the_paper_falls_with_the_square_of_the_temperature_and_that_of_the_code_does_not() -> None:
    def slope(temperature: float, variant: str) -> float:
        logits = torch.tensor([[3.0, -1.0, 0.5]], dtype=torch.float64, requires_grad=True)
        virtual_teacher_loss(logits, torch.tensor([1]), temperature, 0.99, variant=variant).backward()
        assert logits.grad is not None
        return float(logits.grad.norm())

    assert slope(200, "original") / slope(400, "original") == pytest.approx(4, rel=0.02)
    assert slope(200, "published_code") / slope(400, "published_code") == pytest.approx(1, rel=0.02)


@variants
def test_logits_of_any_size_give_a_finite_loss(variant: str) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)

    virtual_teacher_loss(logits, torch.tensor([1]), 20.0, 0.99, variant=variant).backward()

    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("options", "weight", "factor", "given"),
    [
        ({}, 0.1, 1, (20, 0.99)),
        ({"variant": "original", "multiplier": 400.0}, 0.1, 400, (20, 0.99)),
        ({"kd_weight": 0.6, "multiplier": 3.0, "temperature": 5.0, "confidence": 0.9}, 0.6, 3, (5, 0.9)),
    ],
)
def test_the_labels_have_what_the_virtual_teacher_leaves(
    options: dict[str, object],
    weight: float,
    factor: float,
    given: tuple[float, float],
    networks: Callable[[str, str], tuple[PixelModel, PixelModel]],
    batch: Batch,
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["tf_kd"](student, **options).eval()

    losses = method(batch).losses

    logits = student(batch.pixels)
    reference = REFERENCES[str(options.get("variant", "published_code"))]
    expected = weight * factor * reference(logits.detach().double().numpy(), batch.labels.numpy(), *given)
    assert losses["virtual_teacher"].item() == pytest.approx(expected, rel=1e-3)
    torch.testing.assert_close(
        losses["cross_entropy"], (1 - weight) * torch.nn.functional.cross_entropy(logits, batch.labels)
    )
