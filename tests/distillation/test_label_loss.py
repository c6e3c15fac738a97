import math

import numpy as np
import pytest
import torch

from robustkd.data import Batch
from robustkd.data.batches import UNLABELLED, Mixture
from robustkd.distillation.label_loss import label_loss

LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.0, 1.0, 3.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
PIXELS = torch.zeros(3, 1, 2, 2)


def errors(labels: list[int], smoothing: float = 0.0) -> np.ndarray:
    logits = LOGITS.numpy()
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return -(1 - smoothing) * logs[range(3), labels] - smoothing * logs.mean(1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_images_without_a_label_do_not_count(smoothing: float) -> None:
    batch = Batch(PIXELS, torch.tensor([0, UNLABELLED, 2]), complete=False)

    loss = label_loss(LOGITS, batch, smoothing)

    assert loss.item() == pytest.approx(errors([0, 0, 2], smoothing)[[0, 2]].mean(), rel=1e-12)


def test_a_batch_without_labels_has_no_loss_and_no_gradient() -> None:
    logits = LOGITS.clone().requires_grad_()

    loss = label_loss(logits, Batch(PIXELS, torch.full((3,), UNLABELLED), complete=False))
    loss.backward()

    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_mixed_images_share_the_loss_between_both_labels() -> None:
    share = torch.tensor([1.0, 0.25, 0.5], dtype=torch.float64)
    batch = Batch(PIXELS, torch.tensor([0, 1, 2]), mixture=Mixture(torch.tensor([2, 2, 1]), share))

    loss = label_loss(LOGITS, batch, 0.2)

    first, second = errors([0, 1, 2], 0.2), errors([2, 2, 1], 0.2)
    assert loss.item() == pytest.approx((share.numpy() * first + (1 - share.numpy()) * second).mean(), rel=1e-12)


def test_equal_logits_give_the_log_of_the_number_of_classes() -> None:
    assert label_loss(torch.zeros(3, 3), Batch(PIXELS, torch.tensor([0, 1, 2]))).item() == pytest.approx(math.log(3))
