import numpy as np
import pytest

from robustkd.statistics.sign_agreement import sign_agreement


def test_two_of_three_signs_agree() -> None:
    """Wilson's interval of 2 in 3 is [0.208, 0.939] (Newcombe 1998 gives the formula; z = 1.95996)."""
    found = sign_agreement(np.array([1.0, -2.0, 3.0]), np.array([0.5, -0.1, -0.2]))

    assert found is not None
    assert (found.same, found.total) == (2, 3)
    assert found.interval == pytest.approx((0.2077, 0.9385), abs=5e-5)


def test_an_expected_difference_of_zero_is_left_out_and_a_measured_one_does_not_agree() -> None:
    found = sign_agreement(np.array([1.0, 0.0]), np.array([0.0, 0.3]))

    assert found is not None
    assert (found.same, found.total) == (0, 1)


def test_without_any_sign_to_agree_with_nothing_is_counted() -> None:
    assert sign_agreement(np.array([1.0]), np.array([0.0])) is None
