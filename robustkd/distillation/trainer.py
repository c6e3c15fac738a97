"""The training loop: a recipe applied to a method, nothing more."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from robustkd.data import Dataset, ImageSet, TrainingBatches
from robustkd.distillation.method import Method
from robustkd.distillation.recipe import Recipe
from robustkd.errors import TrainingError
from robustkd.models import PixelModel

EVALUATION_BATCH_SIZE = 512


@dataclass(frozen=True)
class Epoch:
    """What one epoch did.

    Attributes:
        epoch: Counted from 0.
        learning_rate: Of this epoch.
        loss: Mean over the images of what is minimised.
        losses: Its weighted parts, by name.
        train_accuracy: Share of right predictions while training, on augmented images, 0 to 1.
        test_accuracy: Share of right predictions on the test set after the epoch, 0 to 1. Nothing is selected by it.
        images_per_second: Of training, without the test.
    """

    epoch: int
    learning_rate: float
    loss: float
    losses: dict[str, float]
    train_accuracy: float
    test_accuracy: float
    images_per_second: float


def train(
    method: Method,
    data: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    """Train a method's student; the last epoch's weights stay in it.

    Args:
        method: What to train, in place.
        data: Its training set is trained on, with its augmentation; its test set is only reported.
        recipe: How.
        seed: Seeds the order and augmentation of the images. The initial weights are the caller's.
        device: Where to.
        on_epoch: Called after each epoch.

    Returns:
        The history, one entry per epoch.

    Raises:
        TrainingError: A loss was not finite; names method, epoch and step.
        DataError: There are no training images.
    """
    images = data.training
    batches = TrainingBatches(images, recipe.batch_size, data.augmentation, seed, device)
    test = data.test.to(device)
    method.to(device)
    if method.has_teacher:
        method.teacher.to(device)
    optimiser = torch.optim.SGD(
        [parameter for parameter in method.parameters() if parameter.requires_grad],
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
    )
    history = []
    for epoch in range(recipe.epochs):
        learning_rate = recipe.learning_rate_at(epoch)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate
        start = time.perf_counter()
        losses, train_accuracy = _train_epoch(method, batches, optimiser, epoch)
        seconds = time.perf_counter() - start
        history.append(
            Epoch(
                epoch=epoch,
                learning_rate=learning_rate,
                loss=sum(losses.values()),
                losses=losses,
                train_accuracy=train_accuracy,
                test_accuracy=accuracy(method.export(), test, device),
                images_per_second=len(images) / seconds,
            )
        )
        on_epoch(history[-1])
    return history


def _train_epoch(
    method: Method, batches: TrainingBatches, optimiser: torch.optim.Optimizer, epoch: int
) -> tuple[dict[str, float], float]:
    method.train()
    parts: list[Tensor] = []
    sizes: list[int] = []
    correct: list[Tensor] = []
    names: list[str] = []
    for batch in batches.epoch():
        supervision = method(batch)
        loss = torch.stack(list(supervision.losses.values()))
        optimiser.zero_grad(set_to_none=True)
        loss.sum().backward()
        optimiser.step()
        # kept on the device: reading a number here would wait for the step to finish
        parts.append(loss.detach())
        correct.append((supervision.logits.detach().argmax(1) == batch.labels).sum())
        sizes.append(len(batch.labels))
        names = list(supervision.losses)
    values = torch.stack(parts).double().cpu().numpy()
    _refuse_not_finite(values, names, type(method).__name__.lower(), epoch)
    weights = np.array(sizes) / sum(sizes)
    means = dict(zip(names, (weights @ values).tolist(), strict=True))
    return means, int(torch.stack(correct).sum()) / sum(sizes)


def _refuse_not_finite(values: np.ndarray, names: list[str], method: str, epoch: int) -> None:
    broken = np.argwhere(~np.isfinite(values))
    if len(broken):
        step, part = broken[0]
        raise TrainingError(
            f"{method}: the loss {names[part]} is {values[step, part]} in epoch {epoch}, step {step} (counted "
            "from 0): lower the learning rate or the loss's weight"
        )


@torch.no_grad()
def accuracy(model: PixelModel, images: ImageSet, device: torch.device | str = "cpu") -> float:
    """Give the share of images that a model classifies as labelled, in evaluation mode.

    Args:
        model: The model; its mode is restored.
        images: What to classify.
        device: Where the model is.

    Returns:
        0 to 1.
    """
    training = model.training
    model.eval()
    correct = torch.zeros((), dtype=torch.int64, device=device)
    for start in range(0, len(images), EVALUATION_BATCH_SIZE):
        stop = start + EVALUATION_BATCH_SIZE
        predicted = model(images.pixels(start, stop, device)).argmax(1)
        correct += (predicted == images.labels[start:stop].to(device)).sum()
    model.train(training)
    return int(correct) / len(images)


def history_frame(history: list[Epoch]) -> pd.DataFrame:
    """Lay a history out as a table, one row per epoch, one column ``loss_NAME`` per part of the loss."""
    rows = []
    for epoch in history:
        row = asdict(epoch)
        row.update({f"loss_{name}": value for name, value in row.pop("losses").items()})
        rows.append(row)
    return pd.DataFrame(rows)
