from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import cross_entropy
from robustkd.distillation.methods.co_teaching import small_loss
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]

batches = given(seed=st.integers(0, 999), size=st.integers(1, 12), classes=st.integers(2, 5))


def drawn(seed: int, size: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    mine, theirs = random.normal(0, 3, (2, size, classes))
    return mine, theirs, random.integers(0, classes, size)


def errors(logits: np.ndarray, labels: np.ndarray) -> list[float]:
    return [float(np.log(np.exp(each).sum()) - each[label]) for each, label in zip(logits, labels, strict=True)]


def chosen_mean(logits: np.ndarray, other: np.ndarray, labels: np.ndarray, count: int) -> float:
    """The mean error of the images that the other network gets least wrong."""
    theirs = errors(other, labels)
    easy = sorted(range(len(labels)), key=lambda image: theirs[image])[:count]
    mine = errors(logits, labels)
    return sum(mine[image] for image in easy) / count


@batches
@pytest.mark.parametrize("percent", [0, 10, 50, 70, 80, 100])
def test_value_and_gradient_follow_the_formula(
    seed: int, size: int, classes: int, percent: int, assert_loss: Callable[..., None]
) -> None:
    count = max(percent * size // 100, 1)

    assert_loss(
        lambda *given: small_loss(*given, percent / 100),
        lambda *given: chosen_mean(*given, count),
        *drawn(seed, size, classes),
    )


@given(size=st.integers(1, 1024), percent=st.integers(1, 100))
def test_a_share_in_float32_gives_the_same_number_of_images(size: int, percent: int) -> None:
    # the first images are the easy ones, and the loss of an image is its weight in the mean
    logits = torch.zeros(size, 2, dtype=torch.float64).requires_grad_()
    other = torch.stack([-torch.arange(size, dtype=torch.float64), torch.zeros(size)], dim=1)

    small_loss(logits, other, torch.zeros(size, dtype=torch.int64), torch.tensor(percent / 100)).backward()

    assert logits.grad is not None
    assert int((logits.grad[:, 0] != 0).sum()) == max(percent * size // 100, 1)


@batches
def test_whoever_keeps_all_learns_the_usual_way(seed: int, size: int, classes: int) -> None:
    logits, other, labels = map(torch.from_numpy, drawn(seed, size, classes))

    for smoothing in (0.0, 0.2):
        loss = small_loss(logits, other, labels, 1.0, smoothing)
        torch.testing.assert_close(loss, cross_entropy(logits, labels, smoothing))


@batches
def test_who_chooses_for_itself_has_the_smallest_loss(seed: int, size: int, classes: int) -> None:
    logits, other, labels = map(torch.from_numpy, drawn(seed, size, classes))

    own = small_loss(logits, logits, labels, 0.5)

    assert own <= small_loss(logits, other, labels, 0.5) + 1e-12
    assert own <= small_loss(logits, logits, labels, 1.0) + 1e-12


def test_the_choice_has_no_gradient() -> None:
    mine, theirs = torch.rand(2, 4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_().unbind()
    loss = small_loss(mine, theirs, torch.tensor([0, 1, 2, 0]), 0.5)

    assert not torch.autograd.grad(loss, theirs, allow_unused=True)[0]


@pytest.mark.parametrize(
    ("options", "epoch", "epochs", "kept"),
    [
        # 1 − τ · min(T / T_k, 1), with T_k = 10 of 200 epochs and T counted from 1
        ({}, 0, 200, 0.98),
        ({}, 4, 200, 0.9),
        ({}, 9, 200, 0.8),
        ({}, 199, 200, 0.8),
        ({}, 0, 20, 0.8),
        ({"forget_rate": 0.5, "ramp_up": 0.5}, 0, 10, 0.9),
        ({"forget_rate": 0.5, "ramp_up": 0.0}, 0, 10, 0.5),
        ({"forget_rate": 0.0}, 5, 10, 1),
    ],
)
def test_the_networks_forget_more_over_the_first_epochs(
    options: dict[str, float], epoch: int, epochs: int, kept: float, networks: Networks
) -> None:
    method = METHODS["co_teaching"](networks("cifar_resnet8", "cifar_resnet8")[0], **options)

    method.begin_epoch("training", epoch, epochs)

    assert method.kept.item() == pytest.approx(kept, rel=1e-6)


@pytest.mark.parametrize(("forget_rate", "count"), [(0.2, 6), (0.5, 4), (0.0, 8)])
def test_each_network_learns_what_the_other_finds_easy(
    forget_rate: float, count: int, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["co_teaching"](student, forget_rate=forget_rate).eval()
    method.begin_epoch("training", 9, 10)

    supervision = method(batch)

    mine, theirs = (model(batch.pixels).detach().double().numpy() for model in method.candidates())
    labels = batch.labels.numpy()
    assert torch.equal(supervision.logits, student(batch.pixels))
    assert {name: loss.item() for name, loss in supervision.losses.items()} == {
        "cross_entropy": pytest.approx(chosen_mean(mine, theirs, labels, count), rel=1e-5),
        "peer": pytest.approx(chosen_mean(theirs, mine, labels, count), rel=1e-5),
    }


def test_the_two_networks_are_one_architecture_with_different_weights(networks: Networks) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["co_teaching"](student)

    first, second = method.candidates()

    assert first is student is method.export()
    assert second.architecture == "cifar_resnet8"
    assert first.digest() != second.digest()
