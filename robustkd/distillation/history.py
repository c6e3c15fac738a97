"""The history of a training, epoch by epoch."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Epoch:
    """The record of one epoch.

    Attributes:
        stage: The name of the stage.
        epoch: The number of the epoch within the stage, counted from 0.
        learning_rate: The learning rate of this epoch.
        loss: The minimised loss, averaged over the images.
        losses: The weighted parts of the loss, by name.
        train_accuracy: The share of correct predictions during training, on augmented images, 0 to 1.
        test_accuracy: The share of correct predictions on the test set after the epoch, 0 to 1. For a method that
            trains several networks, it is that of the network exported by the rule ``last``. It selects no epoch.
        validation_accuracy: The same for the images that the recipe holds out of training; None if it holds out none.
        images_per_second: The speed of the training, without the evaluation on test images.
        test_agreement: The share of test images with the teacher's prediction, 0 to 1; None where the recipe does not
            ask for it.
        test_kl: The mean of KL(p_t ‖ p_s) at T = 1 on the test images, in nats; None likewise.
    """

    stage: str
    epoch: int
    learning_rate: float
    loss: float
    losses: dict[str, float]
    train_accuracy: float
    test_accuracy: float
    validation_accuracy: float | None
    images_per_second: float
    test_agreement: float | None = None
    test_kl: float | None = None


def history_frame(history: list[Epoch]) -> pd.DataFrame:
    """Convert a history to a table.

    Args:
        history: The epochs in order.

    Returns:
        One row per epoch, with one column ``loss_NAME`` per part of the loss; NaN where a stage does not have that
        part. The columns of the fidelity are there where it was measured.
    """
    rows = []
    measured = any(epoch.test_agreement is not None for epoch in history)
    for epoch in history:
        row = asdict(epoch)
        if not measured:
            row = {name: value for name, value in row.items() if name not in ("test_agreement", "test_kl")}
        row.update({f"loss_{name}": value for name, value in row.pop("losses").items()})
        rows.append(row)
    return pd.DataFrame(rows)


def course_record(history: list[Epoch]) -> dict[str, Any]:
    """Return the fidelity along a training, for the header of its checkpoint; nothing where it was not measured.

    Args:
        history: The epochs in order.

    Returns:
        ``course``: lists of equal length by name: ``epoch``, the number of epochs done; and, on the test set,
        ``accuracy``, ``agreement`` (0 to 1 both) and ``kl``, in nats.
    """
    seen = [(place, epoch) for place, epoch in enumerate(history, 1) if epoch.test_agreement is not None]
    if not seen:
        return {}
    return {
        "course": {
            "epoch": [place for place, _ in seen],
            "accuracy": [epoch.test_accuracy for _, epoch in seen],
            "agreement": [epoch.test_agreement for _, epoch in seen],
            "kl": [epoch.test_kl for _, epoch in seen],
        }
    }
