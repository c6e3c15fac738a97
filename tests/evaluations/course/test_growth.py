import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.evaluations.course.courses import course_of, in_one_array
from robustkd.evaluations.course.growth import epochs_to_most, last_value, late_change

FOUR = np.array([1.0, 2, 3, 4])


def test_a_curve_measured_after_every_epoch_by_hand() -> None:
    values = np.array([0.2, 0.6, 0.7, 0.8])

    # three quarters of four epochs are three; 90 % of 0.8 is 0.72
    assert last_value(FOUR, values) == 0.8
    assert late_change(FOUR, values) == pytest.approx(0.1)
    assert epochs_to_most(FOUR, values) == 4


def test_the_value_between_two_measurements_is_interpolated() -> None:
    epochs, values = np.array([2.0, 4, 6]), np.array([0.1, 0.5, 0.7])

    # after 4.5 epochs a quarter of the way from 0.5 to 0.7
    assert late_change(epochs, values) == pytest.approx(0.7 - 0.55)
    assert epochs_to_most(epochs, values) == 6


def test_what_falls_is_first_reached_early() -> None:
    values = np.array([0.5, 0.9, 0.8, 0.6])

    assert late_change(FOUR, values) == pytest.approx(-0.2)
    assert epochs_to_most(FOUR, values) == 2


def test_nothing_is_known_of_the_beginning_of_the_last_quarter_if_it_was_measured_later() -> None:
    assert np.isnan(late_change(np.array([4.0, 5]), np.array([0.1, 0.2])))
    assert np.isnan(late_change(np.array([5.0]), np.array([0.2])))
    assert late_change(np.array([3.0, 4]), np.array([0.1, 0.2])) == pytest.approx(0.1)
    assert epochs_to_most(np.array([5.0]), np.array([0.2])) == 5


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(0, 5))
def test_what_pads_a_course_changes_nothing(seed: int, points: int, more: int) -> None:
    random = np.random.default_rng(seed)
    epochs, values = 1 + random.permutation(20)[:points].astype(float), random.random(points)
    epochs.sort()
    padded = [np.pad(each, (0, more), constant_values=np.nan) for each in (epochs, values)]

    for read in (last_value, late_change, epochs_to_most):
        np.testing.assert_equal(read(*padded), read(epochs, values))


@given(st.integers(0, 2**31), st.integers(2, 12))
def test_a_straight_line_changes_by_a_quarter_of_its_height(seed: int, points: int) -> None:
    random = np.random.default_rng(seed)
    epochs = np.concatenate([np.sort(1 + random.permutation(15)[: points - 1]), [20.0]])

    assert late_change(epochs, epochs / 20) == pytest.approx(0.25)
    assert epochs_to_most(epochs, epochs / 20) == epochs[epochs >= 18][0]


def test_courses_of_different_lengths_are_padded() -> None:
    short = course_of({"course": {"epoch": [2], "accuracy": [0.5], "agreement": [0.6], "kl": [1.0]}})
    long = course_of({"course": {"epoch": [1, 2], "accuracy": [0.1, 1], "agreement": [0, 0.3], "kl": [2.0, 0.5]}})
    assert short is not None
    assert long is not None

    arrays = in_one_array([short, long])

    np.testing.assert_array_equal(arrays["epoch"], [[2, np.nan], [1, 2]])
    np.testing.assert_array_equal(arrays["agreement"], [[0.6, np.nan], [0, 0.3]])
    np.testing.assert_array_equal(arrays["kl"], [[1, np.nan], [2, 0.5]])


@pytest.mark.parametrize(
    "held",
    [
        None,
        [],
        {},
        {"epoch": [], "accuracy": [], "agreement": [], "kl": []},
        {"epoch": [1, 2], "accuracy": [0.5], "agreement": [0.5, 0.6], "kl": [1, 1]},
        {"epoch": [2, 1], "accuracy": [0.5, 0.5], "agreement": [0.5, 0.6], "kl": [1, 1]},
        {"epoch": [0, 1], "accuracy": [0.5, 0.5], "agreement": [0.5, 0.6], "kl": [1, 1]},
        {"epoch": [1], "accuracy": [50], "agreement": [0.5], "kl": [1]},
        {"epoch": [1], "accuracy": [0.5], "agreement": [None], "kl": [1]},
        {"epoch": [1], "accuracy": ["half"], "agreement": [0.5], "kl": [1]},
        {"epoch": 1, "accuracy": 0.5, "agreement": 0.5, "kl": 1},
        {"epoch": [float("nan")], "accuracy": [0.5], "agreement": [0.5], "kl": [1]},
        {"epoch": [float("inf")], "accuracy": [0.5], "agreement": [0.5], "kl": [1]},
    ],
)
def test_what_is_no_course_is_not_read(held: object) -> None:
    assert course_of({"course": held}) is None


def test_a_checkpoint_may_hold_none() -> None:
    assert course_of({}) is None
