import numpy as np
import pytest

from robustkd.attacks.counting import Pair, fooled_source, fooling_rate, jointly_correct

#                image:   0  1  2  3  4  5
PAIR = Pair(
    labels=np.array([0, 0, 0, 0, 0, 0]),
    clean_source=np.array([0, 0, 0, 1, 0, 1]),
    clean_target=np.array([0, 0, 1, 0, 0, 2]),
    attacked_source=np.array([1, 0, 1, 1, 1, 0]),
    attacked_target=np.array([1, 1, 1, 1, 0, 1]),
)


def test_the_text_counts_what_both_classify_correctly() -> None:
    counted = jointly_correct(PAIR)

    assert np.flatnonzero(counted.eligible).tolist() == [0, 1, 4]
    assert np.flatnonzero(counted.events).tolist() == [0, 1]
    assert counted.rate == pytest.approx(2 / 3)


def test_the_script_counts_of_these_what_fools_the_source_too() -> None:
    counted = fooled_source(PAIR)

    assert np.flatnonzero(counted.eligible).tolist() == [0, 4]
    assert np.flatnonzero(counted.events).tolist() == [0]


def test_the_fooling_rate_counts_changed_predictions_right_or_wrong() -> None:
    counted = fooling_rate(PAIR)

    assert np.flatnonzero(counted.eligible).tolist() == [0, 2, 4, 5]  # the source changes its mind
    assert np.flatnonzero(counted.events).tolist() == [0, 5]  # and so does the target: from 0 to 1, from 2 to 1
    assert counted.rate == 0.5


def test_a_rate_of_nothing_is_not_defined() -> None:
    nobody = Pair(*(np.array([0]), np.array([1]), np.array([1]), np.array([1]), np.array([1])))

    assert np.isnan(jointly_correct(nobody).rate)
    assert np.isnan(fooling_rate(nobody).rate)
