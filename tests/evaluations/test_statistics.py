import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.evaluations.statistics import bootstrap_mean, bootstrap_ratio_difference, wilson


@pytest.mark.parametrize(
    ("p", "n", "half_width"), [(0.75, 1_000, 0.027), (0.75, 10_000, 0.0085), (0.5, 1_000, 0.031), (0.5, 10_000, 0.0098)]
)
def test_wilson_has_the_textbook_half_width(p: float, n: int, half_width: float) -> None:
    low, high = wilson(round(p * n), n)

    assert (high - low) / 2 == pytest.approx(half_width, rel=0.02)


@given(st.integers(1, 500), st.data())
def test_wilson_solves_its_quadratic_equation(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    z = 1.959963984540054

    for bound in wilson(successes, n):
        assert (bound - successes / n) ** 2 == pytest.approx(z**2 * bound * (1 - bound) / n, abs=1e-9)


def test_the_bootstrap_of_a_mean_is_close_to_the_normal_interval() -> None:
    values = np.random.default_rng(0).exponential(size=4_000)

    low, high = bootstrap_mean(values)

    half_width = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half_width, abs=0.1 * half_width)
    assert high == pytest.approx(values.mean() + half_width, abs=0.1 * half_width)


def test_the_bootstrap_of_equal_values_is_a_point() -> None:
    assert bootstrap_mean(np.zeros(10)) == (0, 0)


def test_the_difference_of_a_rate_with_itself_is_zero() -> None:
    random = np.random.default_rng(0)
    eligible = random.random(300) < 0.8
    event = eligible & (random.random(300) < 0.3)

    assert bootstrap_ratio_difference((event, event), (eligible, eligible)) == (0, 0)


def test_the_difference_of_two_rates_has_the_interval_of_a_direct_resampling() -> None:
    random = np.random.default_rng(1)
    eligible_1, eligible_2 = random.random((2, 400)) < 0.9
    event_1, event_2 = eligible_1 & (random.random(400) < 0.6), eligible_2 & (random.random(400) < 0.4)
    drawn = random.integers(0, 400, (4_000, 400))
    rates = event_1[drawn].sum(1) / eligible_1[drawn].sum(1) - event_2[drawn].sum(1) / eligible_2[drawn].sum(1)

    low, high = bootstrap_ratio_difference((event_1, event_2), (eligible_1, eligible_2))

    assert (low, high) == pytest.approx(tuple(np.percentile(rates, [2.5, 97.5])), abs=0.012)
