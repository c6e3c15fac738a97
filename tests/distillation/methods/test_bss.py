from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.boundary import base_samples
from robustkd.distillation.methods.bss import soft_cross_entropy
from robustkd.models import PixelModel, create_model

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]


def reference(student: np.ndarray, teacher: np.ndarray, temperature: float) -> np.ndarray:
    p_s, p_t = (np.exp(each / temperature) for each in (student, teacher))
    return -(p_t / p_t.sum(1, keepdims=True) * np.log(p_s / p_s.sum(1, keepdims=True))).sum(1)


@given(seed=st.integers(0, 999), classes=st.integers(2, 5), temperature=st.floats(0.5, 8))
def test_value_and_gradient_follow_the_formula(
    seed: int, classes: int, temperature: float, assert_loss: Callable[..., None]
) -> None:
    student, teacher = np.random.default_rng(seed).normal(0, 2, (2, 3, classes))

    assert_loss(
        lambda student, teacher: soft_cross_entropy(student, teacher, temperature).mean(),
        lambda student, teacher: float(reference(student, teacher, temperature).mean()),
        student,
        teacher,
    )


@pytest.mark.parametrize(
    ("epoch", "epochs", "images", "boundary"),
    [
        # with e counted from 1: 3 (1 − e/E) + 1 and 2 (1 − 4e / 3E)
        (0, 200, 3 * 199 / 200 + 1, 2 * (1 - 4 / 600)),
        (99, 200, 2.5, 2 / 3),
        (149, 200, 1.75, 0),
        (174, 200, 1.375, 0),
        (199, 200, 1, 0),
        (0, 1, 1, 0),
    ],
)
@pytest.mark.parametrize(("scaled", "scale"), [(True, 16), (False, 1)])
def test_weights_fall_with_the_epochs(
    epoch: int, epochs: int, images: float, boundary: float, scaled: bool, scale: float, networks: Networks
) -> None:
    method = METHODS["bss"](*networks("cifar_resnet8", "cifar_resnet8"), scale_by_temperature=scaled)

    method.begin_epoch("training", epoch, epochs)

    assert method.image_weight.item() == pytest.approx(scale * images, rel=1e-6)
    assert method.boundary_weight.item() == pytest.approx(scale * boundary, rel=1e-6, abs=1e-6)


def agreeing(networks: Networks, pixels: Tensor) -> tuple[PixelModel, PixelModel, Batch]:
    """Networks in evaluation mode and labels, of which both get about half of the images right."""
    student, teacher = (model.eval() for model in networks("cifar_wrn_10_1", "cifar_wrn_10_1"))
    with torch.no_grad():
        # the same weights but for the head, which differs a little
        student.load_state_dict(teacher.state_dict())
        student.module.fc.weight += 0.05 * torch.randn(10, 64, generator=torch.Generator().manual_seed(0))
        labels = teacher(pixels).argmax(1)
    labels[::2] = (labels[::2] + 1) % 10
    return student, teacher, Batch(pixels, labels)


@pytest.mark.parametrize("attack_size", [2, 32])
def test_images_and_boundary_samples_are_distilled(attack_size: int, networks: Networks, batch: Batch) -> None:
    student, teacher, batch = agreeing(networks, batch.pixels)
    method = METHODS["bss"](student, teacher, attack_size=attack_size, temperature=3.0).eval()
    method.begin_epoch("training", 0, 4)
    seen: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0]))

    losses = method(batch).losses

    clean, moved = seen
    logits = [model(batch.pixels).detach().double().numpy() for model in (student, teacher)]
    assert losses["kd"].item() == pytest.approx(3.25 * reference(*logits, 3).mean(), rel=1e-4)
    _, weights = base_samples(*map(torch.from_numpy, logits), batch.labels, attack_size)
    count = int(weights.sum())
    assert 0 < count <= min(attack_size, 4)
    assert torch.equal(clean, batch.pixels)
    assert len(moved) == min(attack_size, 8)
    assert moved.min() >= 0
    assert moved.max() <= 1
    logits = [model(moved[:count]).detach().double().numpy() for model in (student, teacher)]
    assert losses["boundary"].item() == pytest.approx(2 * (1 - 1 / 3) * reference(*logits, 3).mean(), rel=1e-4)


def standardised(logits: np.ndarray) -> np.ndarray:
    return (logits - logits.mean(1, keepdims=True)) / logits.std(1, ddof=1, keepdims=True)


def test_logits_may_be_standardised_for_images_and_boundary_samples(networks: Networks, batch: Batch) -> None:
    student, teacher, batch = agreeing(networks, batch.pixels)
    seen: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    found = {}
    for standardise in (False, True):
        method = METHODS["bss"](student, teacher, attack_size=2, temperature=3.0, standardise_logits=standardise).eval()
        method.begin_epoch("training", 0, 4)
        torch.manual_seed(0)
        found = method(batch).losses

    _, plain, _, moved = seen
    assert torch.equal(moved, plain)
    for name, pixels, weight in (("kd", batch.pixels, 3.25), ("boundary", moved, 4 / 3)):
        logits = [standardised(model(pixels).detach().double().numpy()) for model in (student, teacher)]
        assert found[name].item() == pytest.approx(weight * reference(*logits, 3).mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("epoch", "epochs", "weight"),
    # of its 200 epochs, 10 warm up and 40 at the end have labels alone; 2 (1 − 5 (n − 1) / 4 / 200) in epoch n
    [(0, 200, 0), (9, 200, 0), (10, 200, 1.875), (80, 200, 1), (159, 200, 0.0125), (160, 200, 0), (199, 200, 0)],
)
def test_the_zoo_has_a_schedule_of_its_own(epoch: int, epochs: int, weight: float, networks: Networks) -> None:
    method = METHODS["bss"](*networks("cifar_resnet8", "cifar_resnet8"), variant="knowledge_distillation_zoo")

    method.begin_epoch("training", epoch, epochs)

    assert method.boundary_weight.item() == pytest.approx(weight, rel=1e-6, abs=1e-6)


def test_the_zoo_distils_boundary_samples_alone_by_their_divergence(networks: Networks, batch: Batch) -> None:
    student, teacher, batch = agreeing(networks, batch.pixels)
    method = METHODS["bss"](student, teacher, attack_size=2, temperature=3.0, variant="knowledge_distillation_zoo")
    method.eval().begin_epoch("training", 1, 5)
    seen: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0]))

    losses = method(batch).losses

    logits = [model(seen[-1]).detach().double().numpy() for model in (student, teacher)]
    divergences = reference(*logits, 3) - reference(logits[1], logits[1], 3)
    assert losses.keys() == {"cross_entropy", "boundary"}
    assert losses["boundary"].item() == pytest.approx(1.5 * divergences.mean(), rel=1e-3)
    # a step is not longer than the step size, in all 10 of 0.3
    chosen = torch.cdist(seen[-1].flatten(1), seen[0].flatten(1)).min(dim=1).values
    assert chosen.max() <= 3.001


def test_nothing_is_attacked_once_the_weight_is_gone(networks: Networks, batch: Batch) -> None:
    student, teacher, batch = agreeing(networks, batch.pixels)
    method = METHODS["bss"](student, teacher).eval()
    calls: list[int] = []
    teacher.register_forward_pre_hook(lambda *given: calls.append(1))
    method.begin_epoch("training", 3, 4)

    assert method(batch).losses.keys() == {"cross_entropy", "kd"}
    assert len(calls) == 1


def test_where_no_image_qualifies_boundary_samples_cost_nothing(networks: Networks, batch: Batch) -> None:
    student, teacher, batch = agreeing(networks, batch.pixels)
    method = METHODS["bss"](student, teacher).eval()
    method.begin_epoch("training", 0, 4)

    assert method(Batch(batch.pixels, (teacher(batch.pixels).argmax(1) + 1) % 10)).losses["boundary"].item() == 0


def test_original_clamps_in_the_units_of_the_teacher(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    teacher = create_model("cifar_resnet8", num_classes=10, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3), seed=1)
    # steps that reach the bounds
    method = METHODS["bss"](student, teacher, variant="original", step_size=1e9).eval()
    method.begin_epoch("training", 0, 4)
    seen: list[Tensor] = []
    student.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    right = teacher(batch.pixels).argmax(1)
    student.load_state_dict(teacher.state_dict())

    method(Batch(batch.pixels, right))

    normalised = (seen[-1] - teacher.mean) / teacher.std
    assert normalised.min().item() == pytest.approx(-2.5, abs=1e-5)
    assert normalised.max().item() == pytest.approx(2.5, abs=1e-5)


def test_the_teacher_s_statistics_and_gradients_are_left_alone(networks: Networks, batch: Batch) -> None:
    student, teacher, batch = agreeing(networks, batch.pixels)
    before = teacher.digest()
    method = METHODS["bss"](student, teacher).train()
    teacher.requires_grad_(True)
    method.begin_epoch("training", 0, 4)

    sum(method(batch).losses.values()).backward()

    assert teacher.digest() == before
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_what_is_drawn_follows_the_random_state(networks: Networks, batch: Batch) -> None:
    student, teacher, batch = agreeing(networks, batch.pixels)
    method = METHODS["bss"](student, teacher).eval()
    method.begin_epoch("training", 0, 4)
    values = []
    for seed in (0, 0, 1, 2, 3):
        torch.manual_seed(seed)
        values.append(method(batch).losses["boundary"].item())

    assert values[0] == values[1]
    assert len(set(values)) > 1
