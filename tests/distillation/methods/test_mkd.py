from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.methods.mkd import several_teachers_loss
from robustkd.models import PixelModel, create_model
from robustkd.models.ensembles import ensemble


def softened(logits: np.ndarray, temperature: float) -> np.ndarray:
    weights = np.exp(logits / temperature - (logits / temperature).max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True)


def reference(student: np.ndarray, teachers: np.ndarray, weights: np.ndarray, temperature: float) -> float:
    own, total = softened(student, temperature), 0.0
    for weight, teacher in zip(weights, teachers, strict=True):
        wanted = softened(teacher, temperature)
        total += weight * temperature**2 * (wanted * np.log(wanted / own)).sum(1).mean()
    return float(total)


@given(seed=st.integers(0, 999), members=st.integers(1, 3), temperature=st.sampled_from([1.0, 5.0]))
def test_value_and_gradient_follow_the_formula(
    seed: int, members: int, temperature: float, assert_loss: Callable[..., None]
) -> None:
    random = np.random.default_rng(seed)
    student, teachers = random.normal(size=(3, 4)), random.normal(size=(members, 3, 4)) * 3
    weights = random.dirichlet(np.ones(members))

    assert_loss(
        lambda *given: several_teachers_loss(*given, temperature),
        lambda *given: reference(*given, temperature),
        student,
        teachers,
        weights,
    )


def standardised(logits: np.ndarray) -> np.ndarray:
    return (logits - logits.mean(1, keepdims=True)) / logits.std(1, ddof=1, keepdims=True)


def networks() -> list[PixelModel]:
    return [create_model("cifar_resnet8", num_classes=10, seed=seed).eval() for seed in range(3)]


def test_each_member_of_an_ensemble_is_matched_by_its_weight(batch: Batch) -> None:
    student, *teachers = networks()
    method = METHODS["mkd"](student, ensemble(teachers), weights=(1.0, 3.0), kd_weight=0.25, temperature=2.0).eval()

    losses = method(batch).losses

    with torch.no_grad():
        own, *theirs = (model(batch.pixels).double().numpy() for model in (student, *teachers))
    expected = reference(own, np.stack(theirs), np.array([0.25, 0.75]), 2.0)
    assert losses["kd"].item() == pytest.approx(0.25 * expected, rel=1e-4)
    errors = -np.log(softened(own, 1.0)[np.arange(8), batch.labels])
    assert losses["cross_entropy"].item() == pytest.approx(0.75 * errors.mean(), rel=1e-5)


def test_at_temperature_1_the_gradient_is_that_of_matching_the_mean(batch: Batch) -> None:
    student, *teachers = networks()
    gradients = []

    for name in ("mkd", "hinton"):
        method = METHODS[name](student, ensemble(teachers), kd_weight=1.0, temperature=1.0).eval()
        loss = method(batch).losses["kd"]
        gradients.append(torch.autograd.grad(loss, list(student.parameters())))

    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(*gradients, strict=True))


def test_a_single_teacher_is_an_ensemble_of_one(batch: Batch) -> None:
    student, teacher, _ = networks()
    same = {"kd_weight": 0.5, "temperature": 5.0}

    losses = [METHODS[name](student, teacher, **same).eval()(batch).losses for name in ("mkd", "hinton")]

    assert losses[0]["kd"].item() == pytest.approx(losses[1]["kd"].item(), rel=1e-6)


def test_weights_of_another_number_are_refused() -> None:
    student, *teachers = networks()

    with pytest.raises(ValueError, match="has 2 members, and there are 3 weights"):
        METHODS["mkd"](student, ensemble(teachers), weights=(1.0, 1.0, 1.0))


def test_the_logits_of_every_member_may_be_standardised(batch: Batch) -> None:
    student, *teachers = networks()
    method = METHODS["mkd"](student, ensemble(teachers), kd_weight=1.0, temperature=2.0, standardise_logits=True).eval()

    losses = method(batch).losses

    with torch.no_grad():
        own, *theirs = (standardised(model(batch.pixels).double().numpy()) for model in (student, *teachers))
    assert losses["kd"].item() == pytest.approx(reference(own, np.stack(theirs), np.array([0.5, 0.5]), 2.0), rel=1e-4)
