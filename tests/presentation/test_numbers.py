import math

import pytest

from robustkd.presentation.numbers import axis_title, interval, join, number, quantity
from robustkd.results.metric import Metric

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")
EPOCHS = Metric("epochs", "Epochs", "epochs", None, "")
NLL = Metric("nll", "NLL", "nats", False, "")


@pytest.mark.parametrize(
    ("value", "metric", "expected"),
    [
        (0.94321, ACCURACY, "94.3"),
        (0.00621, GAIN, "+0.6"),
        (-0.00621, GAIN, "−0.6"),
        (-0.0001, GAIN, "+0.0"),
        (0.24149, NLL, "0.241"),
        (12.0, EPOCHS, "12.0"),
        (math.nan, ACCURACY, "–"),
    ],
)
def test_numbers_are_rounded_for_reading(value: float, metric: Metric, expected: str) -> None:
    assert number(value, metric) == expected


def test_quantities_carry_their_unit() -> None:
    assert [quantity(0.5, ACCURACY), quantity(0.01, GAIN), quantity(0.5, NLL)] == ["50.0%", "+1.0 points", "0.500 nats"]


def test_an_interval_is_absent_where_it_is_not_known() -> None:
    assert interval(-0.01, 0.02, GAIN) == "[−1.0, +2.0]"
    assert interval(math.nan, math.nan, GAIN) == ""


def test_lists_read_like_a_sentence() -> None:
    assert [join(["a"]), join(["a", "b"]), join(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


def test_the_title_of_an_axis_has_the_unit_where_there_is_one() -> None:
    assert axis_title(Metric("accuracy", "Accuracy", "fraction", True, "")) == "Accuracy (%)"
    assert axis_title(Metric("slope", "Slope", "", None, "")) == "Slope"
