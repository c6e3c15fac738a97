"""The history of a training, epoch by epoch."""

from dataclasses import asdict, dataclass

import pandas as pd


@dataclass(frozen=True)
class Epoch:
    """The record of one epoch.

    Attributes:
        stage: The stage it belongs to.
        epoch: Counted from 0 within the stage.
        learning_rate: The learning rate of this epoch.
        loss: The mean over the images of the minimised loss.
        losses: The weighted parts of the loss, by name.
        train_accuracy: Share of right predictions while training, on augmented images, 0 to 1.
        test_accuracy: Share of right predictions on the test set after the epoch, 0 to 1; of a method that trains
            several networks, the one that the rule ``last`` exports. No epoch is selected by it.
        validation_accuracy: Likewise on the images that the recipe holds out of training; None where it holds out none.
        images_per_second: The speed of the training, without the tests.
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
        One row per epoch, one column ``loss_NAME`` per part of the loss; a part that a stage lacks is NaN there.
    """
    rows = []
    for epoch in history:
        row = asdict(epoch)
        row.update({f"loss_{name}": value for name, value in row.pop("losses").items()})
        rows.append(row)
    return pd.DataFrame(rows)
