from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import cross_entropy
from robustkd.distillation.methods.class_balanced import balanced_weights, class_weighted_loss
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]

batches = given(seed=st.integers(0, 999), size=st.integers(1, 4), classes=st.integers(2, 5))
some_counts = st.lists(st.integers(0, 5000), min_size=2, max_size=6).filter(any)


def weighted(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    total = 0.0
    for each, label in zip(logits, labels, strict=True):
        total += weights[label] * (np.log(np.exp(each).sum()) - each[label])
    return total / len(labels)


def by_effective_number(counts: list[int], beta: float) -> np.ndarray:
    """The effective number of n images as the sum of the first n powers of β."""
    weights = [1 / sum(beta**power for power in range(count)) if count else 0.0 for count in counts]
    return np.array(weights) * sum(count > 0 for count in counts) / sum(weights)


@batches
def test_value_and_gradient_follow_the_formula(
    seed: int, size: int, classes: int, assert_loss: Callable[..., None]
) -> None:
    random = np.random.default_rng(seed)
    given = random.normal(0, 3, (size, classes)), random.integers(0, classes, size), random.random(classes)

    assert_loss(class_weighted_loss, weighted, *given)


@given(counts=some_counts, beta=st.floats(0, 0.9999))
def test_weights_are_inverse_to_the_effective_number(counts: list[int], beta: float) -> None:
    weights = balanced_weights(torch.tensor(counts), beta)

    np.testing.assert_allclose(weights, by_effective_number(counts, beta), rtol=1e-9)


@given(counts=some_counts, beta=st.one_of(st.none(), st.floats(0, 0.999999)))
def test_weights_have_mean_1_over_the_classes_that_have_images_and_fall_with_their_number(
    counts: list[int], beta: float | None
) -> None:
    weights = balanced_weights(torch.tensor(counts), beta).numpy()
    shown = np.array(counts) > 0

    assert np.all(weights[~shown] == 0)
    assert weights[shown].mean() == pytest.approx(1)
    ordered = weights[shown][np.argsort(np.array(counts)[shown])]
    assert np.all(np.diff(ordered) <= 1e-9)


@given(counts=some_counts)
def test_the_ends_are_equal_weights_and_inverse_frequencies(counts: list[int]) -> None:
    given = torch.tensor(counts)

    torch.testing.assert_close(balanced_weights(given, 0.0), (given > 0).double())
    torch.testing.assert_close(balanced_weights(given, 1 - 1e-12), balanced_weights(given, None), rtol=1e-3, atol=0)


@batches
def test_equal_weights_give_the_cross_entropy(seed: int, size: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    logits, labels = torch.from_numpy(random.normal(0, 3, (size, classes))), torch.arange(size) % classes

    for smoothing in (0.0, 0.2):
        loss = class_weighted_loss(logits, labels, torch.ones(classes), smoothing)
        torch.testing.assert_close(loss, cross_entropy(logits, labels, smoothing))


COUNTS = [9, 1, 2, 3, 40, 5, 6, 0, 8, 1]


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, by_effective_number(COUNTS, 0.9999)),
        ({"beta": 0.5}, by_effective_number(COUNTS, 0.5)),
        ({"variant": "inverse"}, by_effective_number(COUNTS, 1)),
    ],
)
def test_images_are_weighed_by_their_class(
    options: dict[str, object], weights: np.ndarray, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["class_balanced"](student, **options).eval()
    method.prepare(torch.arange(10).repeat_interleave(torch.tensor(COUNTS)))

    supervision = method(batch)

    expected = weighted(supervision.logits.detach().double().numpy(), batch.labels.numpy(), weights)
    assert {name: loss.item() for name, loss in supervision.losses.items()} == {
        "cross_entropy": pytest.approx(expected, rel=1e-5)
    }


def test_it_must_know_the_training_set(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")

    with pytest.raises(ValueError, match="call prepare first"):
        METHODS["class_balanced"](student)(batch)
