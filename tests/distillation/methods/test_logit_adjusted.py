from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustkd.data import Batch
from robustkd.distillation import METHODS
from robustkd.distillation.losses import cross_entropy
from robustkd.distillation.methods.logit_adjusted import adjusted_logits
from robustkd.models import PixelModel

Networks = Callable[[str, str], tuple[PixelModel, PixelModel]]

batches = given(seed=st.integers(0, 999), size=st.integers(1, 4), classes=st.integers(2, 5), adjustment=st.floats(0, 3))


def drawn(seed: int, size: int, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    logits, labels = random.normal(0, 3, (size, classes)), random.integers(0, classes, size)
    return logits, labels, random.integers(1, 5000, classes)


def adjusted(logits: np.ndarray, labels: np.ndarray, counts: np.ndarray, adjustment: float) -> float:
    """As the paper writes it: the logarithm of 1 plus the other classes, each with its ratio of frequencies."""
    total = 0.0
    for each, label in zip(logits, labels, strict=True):
        others = 0.0
        for k, logit in enumerate(each):
            if k != label:
                others += (counts[k] / counts[label]) ** adjustment * np.exp(logit - each[label])
        total += np.log(1 + others)
    return total / len(labels)


@batches
def test_value_and_gradient_follow_the_formula(
    seed: int, size: int, classes: int, adjustment: float, assert_loss: Callable[..., None]
) -> None:
    assert_loss(
        lambda logits, labels, counts: cross_entropy(adjusted_logits(logits, counts, adjustment), labels),
        lambda *given: adjusted(*given, adjustment),
        *drawn(seed, size, classes),
    )


@batches
def test_balanced_classes_need_no_adjustment(seed: int, size: int, classes: int, adjustment: float) -> None:
    logits, labels, _ = map(torch.from_numpy, drawn(seed, size, classes))

    given = adjusted_logits(logits, torch.full((classes,), 7), adjustment)

    torch.testing.assert_close(cross_entropy(given, labels), cross_entropy(logits, labels))


def test_a_class_without_images_counts_as_one_with_a_single_image() -> None:
    logits = torch.tensor([[1.0, 2.0, 3.0]])
    given = [adjusted_logits(logits, torch.tensor(counts), 1.0) for counts in ([4, 0, 5], [4, 1, 5])]

    assert torch.equal(*given)
    assert given[0].isfinite().all()


@pytest.mark.parametrize(("options", "adjustment"), [({}, 1), ({"adjustment": 0.5}, 0.5)])
def test_the_loss_alone_is_adjusted(
    options: dict[str, float], adjustment: float, networks: Networks, batch: Batch
) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")
    method = METHODS["logit_adjusted"](student, **options).eval()
    counts = np.array([9, 1, 2, 3, 40, 5, 6, 7, 8, 1])
    # and images without a label
    method.prepare(torch.cat([torch.arange(10).repeat_interleave(torch.from_numpy(counts)), torch.tensor([-100] * 3)]))

    supervision = method(batch)

    torch.testing.assert_close(supervision.logits, student(batch.pixels))
    expected = adjusted(supervision.logits.detach().double().numpy(), batch.labels.numpy(), counts, adjustment)
    assert {name: loss.item() for name, loss in supervision.losses.items()} == {
        "cross_entropy": pytest.approx(expected, rel=1e-5)
    }


def test_it_must_know_the_training_set(networks: Networks, batch: Batch) -> None:
    student, _ = networks("cifar_resnet8", "cifar_resnet8")

    with pytest.raises(ValueError, match="call prepare first"):
        METHODS["logit_adjusted"](student)(batch)
