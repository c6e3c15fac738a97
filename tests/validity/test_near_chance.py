import numpy as np
import pytest
from torch import nn

from robustkd.models import Member, PixelModel
from robustkd.results.predictions import Predictions
from robustkd.results.records import Check
from robustkd.validity.near_chance import near_chance

LABELS = np.arange(100) % 4
IN_ORDER, PERMUTED = (Check("classes in the network's order", passed, "", "kd") for passed in (True, False))
NOT_STATED = {"normalisation": "not stated: pixels in [0, 1] are not normalised"}


def hint(predicted: np.ndarray, order: Check = IN_ORDER, channels: int = 3, **lineage: str) -> str:
    member = Member(PixelModel(nn.Identity(), lineage=lineage), "student", "kd")
    return near_chance(member, Predictions(np.eye(4, dtype=np.float32)[predicted], LABELS), order, "cifar10", channels)


def test_the_line_names_accuracy_chance_and_the_command() -> None:
    assert hint((LABELS + 1) % 4, PERMUTED) == (
        "kd has an accuracy of 0.0 %, near chance (25.0 %), most likely because its classes are in another order: "
        "robustkd doctor --data cifar10 --models kd=… tries other settings"
    )


@pytest.mark.parametrize(
    ("predicted", "lineage", "channels", "reason"),
    [
        ((LABELS + 1) % 4, NOT_STATED, 3, "because its normalisation is not stated:"),
        (np.zeros(100, dtype=int), {}, 3, "another one (it answers one class for most images):"),
        ((LABELS + 1) % 4, {}, 3, "because its normalisation or the order of its channels is another one, or"),
        ((LABELS + 1) % 4, {}, 1, "because its normalisation is another one, or it was not trained on this data:"),
    ],
)
def test_the_likeliest_reason_comes_first(
    predicted: np.ndarray, lineage: dict[str, str], channels: int, reason: str
) -> None:
    assert reason in hint(predicted, channels=channels, **lineage)


def test_a_network_that_is_better_or_was_made_here_needs_none() -> None:
    better = np.where(np.arange(100) < 40, LABELS, (LABELS + 1) % 4)

    assert hint(better) == ""
    assert hint((LABELS + 1) % 4, method="at") == ""
    assert hint((LABELS + 1) % 4, untrained="yes") == ""
