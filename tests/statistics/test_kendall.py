import numpy as np
import pytest
from scipy import stats

from robustkd.statistics.kendall import kendall_interval, kendall_p_value, kendall_tau


def test_five_of_six_pairs_in_the_same_order_give_two_thirds() -> None:
    """1 2 3 4 against 1 2 4 3: C = 5, D = 1, no ties, so (5 − 1) / 6."""
    assert kendall_tau(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 4, 3])) == pytest.approx(4 / 6)


def test_ties_count_in_the_root_of_the_pairs_that_are_not_tied() -> None:
    """1 1 2 against 1 2 3: C = 2, D = 0, two pairs untied in the first and three in the second: 2 / √6."""
    assert kendall_tau(np.array([1.0, 1, 2]), np.array([1.0, 2, 3])) == pytest.approx(2 / 6**0.5)


def test_numbers_that_differ_by_rounding_are_tied() -> None:
    assert kendall_tau(np.array([0.1 + 0.2, 0.3, 0.4]), np.array([1.0, 2, 3])) == pytest.approx(2 / 6**0.5)


def test_many_lists_at_once_give_what_scipy_gives_for_each() -> None:
    random = np.random.default_rng(0)
    first, second = random.integers(0, 5, (2, 20, 8)).astype(float)

    found = kendall_tau(first, second)

    assert found == pytest.approx([stats.kendalltau(*pair).statistic for pair in zip(first, second, strict=True)])


def test_of_three_numbers_in_the_same_order_chance_gives_a_third() -> None:
    """Of the six orders of three numbers, two are as extreme: the same and the reverse."""
    assert kendall_p_value(np.array([1.0, 2, 3]), np.array([4.0, 5, 6])) == pytest.approx(2 / 6)


def test_a_list_of_equal_numbers_has_no_order() -> None:
    assert np.isnan(kendall_tau(np.ones(3), np.arange(3.0)))


def test_draws_that_never_change_the_order_give_an_interval_of_one_number() -> None:
    same = np.tile(np.arange(4.0), (50, 1))

    assert kendall_interval(1.0, same, same) == (1.0, 1.0)


def test_the_interval_reflects_the_draws_about_the_value_and_stays_in_range() -> None:
    """Half of the draws give τ = 1 and half τ = 1/3 for three items; 2·(2/3) − (1, 1/3) = (1/3, 1)."""
    first = np.tile(np.arange(3.0), (100, 1))
    second = np.concatenate([np.tile([0.0, 1, 2], (50, 1)), np.tile([0.0, 2, 1], (50, 1))])

    assert kendall_interval(2 / 3, first, second) == pytest.approx((1 / 3, 1))
    assert kendall_interval(1.0, first, second) == pytest.approx((1, 1))


def test_without_an_order_in_any_draw_there_is_no_interval() -> None:
    assert kendall_interval(0.0, np.ones((5, 3)), np.ones((5, 3))) is None
