import math

from robustkd.distillation import Epoch, history_frame


def test_a_history_is_a_table_with_a_row_for_each_epoch_and_a_column_for_each_loss() -> None:
    history = [
        Epoch("hints", 0, 0.001, 3.0, {"hint": 3.0}, 0.1, 0.2, None, 100.0),
        Epoch("training", 0, 0.1, 2.5, {"kd": 1.5, "cross_entropy": 1.0}, 0.3, 0.4, 0.5, 90.0),
    ]

    frame = history_frame(history)

    assert list(frame.columns) == [
        "stage",
        "epoch",
        "learning_rate",
        "loss",
        "train_accuracy",
        "test_accuracy",
        "validation_accuracy",
        "images_per_second",
        "loss_hint",
        "loss_kd",
        "loss_cross_entropy",
    ]
    assert frame["stage"].tolist() == ["hints", "training"]
    assert frame["epoch"].tolist() == [0, 0]
    assert frame["loss_hint"][0] == 3.0
    assert math.isnan(frame["loss_hint"][1])
    assert math.isnan(frame["validation_accuracy"][0])
    assert frame["validation_accuracy"][1] == 0.5
    assert frame["loss_kd"][1] == 1.5
