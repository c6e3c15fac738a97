"""The history of a training, epoch by epoch."""

from dataclasses import asdict, dataclass

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


def history_frame(history: list[Epoch]) -> pd.DataFrame:
    """Convert a history to a table.

    Args:
        history: The epochs in order.

    Returns:
        One row per epoch, with one column ``loss_NAME`` per part of the loss; NaN where a stage does not have that
        part.
    """
    rows = []
    for epoch in history:
        row = asdict(epoch)
        row.update({f"loss_{name}": value for name, value in row.pop("losses").items()})
        rows.append(row)
    return pd.DataFrame(rows)
