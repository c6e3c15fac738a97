import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from robustkd.statistics.bootstrap import bootstrap_mean, ratio_difference, resampled_means
from robustkd.statistics.intervals import Interval, basic, square_and_add, t_over_seeds, unvaried, wilson
from robustkd.statistics.rates import Counted
from robustkd.statistics.significance import holm, mcnemar, significant_signs

Z = 1.959963984540054


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


def test_the_difference_of_a_rate_with_itself_is_as_unsure_as_none_of_so_many_images() -> None:
    """Wilson's upper end of none of n is z²/(n + z²)."""
    random = np.random.default_rng(0)
    eligible = random.random(300) < 0.8
    event = eligible & (random.random(300) < 0.3)

    unsure = Z**2 / (eligible.sum() + Z**2)
    found = ratio_difference(Counted(event, eligible), Counted(event, eligible))
    assert found.interval == pytest.approx((-unsure, unsure))
    assert found.p_value == 1


def test_a_rate_of_all_against_one_of_none_is_not_known_to_the_last_image() -> None:
    everybody, nobody = np.ones(50, dtype=bool), np.zeros(50, dtype=bool)

    found = ratio_difference(Counted(everybody, everybody), Counted(nobody, everybody))

    assert found.interval == pytest.approx((1 - 2 * Z**2 / (50 + Z**2), 1))


@pytest.mark.parametrize("value", [0, 1])
def test_a_share_that_does_not_vary_has_wilsons_interval(value: int) -> None:
    assert unvaried(value, 20) == pytest.approx(wilson(20 * value, 20))


@given(st.integers(7, 500))
def test_a_share_that_could_well_be_seen_as_none_lies_in_the_interval_of_none(images: int) -> None:
    plausible = 1 - 0.05 ** (1 / images)  # of so rare an event, no image is seen with a chance of 5 %

    assert unvaried(0, images).low == 0
    assert plausible < unvaried(0, images).high


def test_the_difference_of_two_rates_has_the_interval_of_a_direct_resampling() -> None:
    random = np.random.default_rng(1)
    eligible_1, eligible_2 = random.random((2, 400)) < 0.9
    event_1, event_2 = eligible_1 & (random.random(400) < 0.6), eligible_2 & (random.random(400) < 0.4)
    drawn = random.integers(0, 400, (4_000, 400))
    rates = event_1[drawn].sum(1) / eligible_1[drawn].sum(1) - event_2[drawn].sum(1) / eligible_2[drawn].sum(1)

    found = ratio_difference(Counted(event_1, eligible_1), Counted(event_2, eligible_2))

    assert found.interval == pytest.approx(tuple(np.percentile(rates, [2.5, 97.5])), abs=0.02)
    assert found.p_value == pytest.approx(2 * stats.norm.sf(rates.mean() / rates.std()), abs=1e-3)


@given(st.integers(1, 500), st.data())
def test_wilson_is_that_of_scipy(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))

    expected = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")

    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_stays_within_zero_and_one() -> None:
    assert wilson(0, 3).low == 0
    assert wilson(3, 3).high == 1


def test_a_difference_to_a_rate_of_one_image_is_hardly_known() -> None:
    """One of twenty images is eligible for the second rate; 36 % of the resamples miss it."""
    everybody, one = np.ones(20, dtype=bool), np.arange(20) == 0

    found = ratio_difference(Counted(everybody, everybody), Counted(one, one))

    assert found.interval == pytest.approx((-(Z**2) / (20 + Z**2), Z**2 / (1 + Z**2)))
    assert found.p_value == 1


def test_a_difference_to_a_rate_without_an_eligible_image_has_no_interval() -> None:
    nobody, everybody = np.zeros(20, dtype=bool), np.ones(20, dtype=bool)

    assert ratio_difference(Counted(everybody, everybody), Counted(nobody, nobody)) is None


def test_the_basic_interval_turns_the_percentiles_around_and_holds_its_value() -> None:
    assert basic(0.5, Interval(0.4, 0.7)) == pytest.approx((0.3, 0.6))
    assert basic(0.5, Interval(0.6, 0.7)) == pytest.approx((0.3, 0.5))


@pytest.mark.parametrize(("seeds", "multiplier"), [(3, 2.484), (5, 1.242), (10, 0.715)])
def test_the_t_interval_has_the_textbook_multiplier_on_the_standard_deviation(seeds: int, multiplier: float) -> None:
    values = np.random.default_rng(0).normal(size=seeds)

    low, high = t_over_seeds(values) or (math.nan, math.nan)

    assert (low + high) / 2 == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(multiplier * values.std(ddof=1), rel=1e-3)


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=12), st.floats(-10, 10))
def test_the_t_interval_moves_with_the_values_and_holds_their_mean(values: list[float], shift: float) -> None:
    low, high = t_over_seeds(np.array(values)) or (math.nan, math.nan)
    moved = t_over_seeds(np.array(values) + shift)

    assert low - 1e-9 <= np.mean(values) <= high + 1e-9
    assert moved == pytest.approx((low + shift, high + shift), abs=1e-6)


def test_the_t_interval_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    intervals = [t_over_seeds(random.normal(5, 2, 3)) for _ in range(2000)]

    covered = np.mean([low <= 5 <= high for low, high in filter(None, intervals)])

    assert covered == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.7]])
def test_one_or_two_seeds_have_no_interval(values: list[float]) -> None:
    assert t_over_seeds(np.array(values)) is None


def discordant(only_1: int, only_2: int, both: int = 4) -> tuple[np.ndarray, np.ndarray]:
    first = np.array([True] * only_1 + [False] * only_2 + [True] * both + [False])
    second = np.array([False] * only_1 + [True] * only_2 + [True] * both + [False])
    return first, second


@given(st.integers(0, 25), st.integers(0, 25), st.integers(0, 5))
def test_mcnemar_is_twice_the_binomial_tail_of_the_smaller_count(only_1: int, only_2: int, both: int) -> None:
    n, smaller = only_1 + only_2, min(only_1, only_2)
    tail = sum(math.comb(n, k) for k in range(smaller + 1)) / 2**n

    assert mcnemar(*discordant(only_1, only_2, both)) == pytest.approx(min(1, 2 * tail))


@given(st.integers(0, 25), st.integers(0, 25))
def test_mcnemar_does_not_care_which_network_comes_first(only_1: int, only_2: int) -> None:
    first, second = discordant(only_1, only_2)

    assert mcnemar(first, second) == mcnemar(second, first)


def test_two_networks_that_never_differ_have_p_one() -> None:
    assert mcnemar(*discordant(0, 0)) == 1


def test_holm_adjusts_the_textbook_example() -> None:
    # sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04, made monotone
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_of_nothing_is_nothing() -> None:
    assert len(holm([])) == 0


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(P_VALUES)
def test_holm_rejects_just_what_the_step_down_procedure_rejects(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for step, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
            if p_values[index] * (len(p_values) - step) > level:
                break
            rejected.add(index)
        assert {index for index, p in enumerate(adjusted) if p <= level} == rejected


@given(P_VALUES)
def test_holm_lies_between_no_correction_and_bonferroni_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)

    assert (adjusted >= np.array(p_values)).all()
    assert (adjusted <= np.minimum(np.array(p_values) * len(p_values), 1)).all()
    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4, unique=True))
def test_holm_does_not_depend_on_the_order_given(p_values: list[float]) -> None:
    expected = dict(zip(p_values, holm(p_values), strict=True))

    for order in permutations(p_values):
        assert holm(order) == pytest.approx([expected[p] for p in order])


def test_the_resampled_ratio_of_means_has_the_spread_of_the_delta_method() -> None:
    random = np.random.default_rng(1)
    top, bottom = random.normal(2, 1, 2000), random.normal(4, 1, 2000)
    error = (top - top.mean() / bottom.mean() * bottom).std() / bottom.mean() / np.sqrt(2000)

    means = resampled_means(np.stack([top, bottom]))

    assert (means[:, 0] / means[:, 1]).std() == pytest.approx(error, rel=0.1)


@given(st.floats(-1, 1), st.floats(0, 1))
def test_one_difference_is_significant_below_five_percent(value: float, p_value: float) -> None:
    assert significant_signs([value], [p_value]).tolist() == [np.sign(value) if p_value < 0.05 else 0]


def test_many_differences_are_corrected_for_their_number() -> None:
    # of four, the smallest p must be below .05 / 4, the second below .05 / 3, the third below .05 / 2
    assert significant_signs([1, -1, 1, 1], [0.04, 0.0037, 6e-5, 0.9]).tolist() == [0, -1, 1, 0]
    assert significant_signs([1], [0.04]).tolist() == [1]


def test_an_absent_difference_is_neither_significant_nor_counted() -> None:
    assert significant_signs([0.1, np.nan, 0.1], [0.04, 0.001, np.nan]).tolist() == [1, 0, 0]


@pytest.mark.parametrize(("images", "p_value"), [(5, 1 / 16), (6, 1 / 32), (12, 2 / 2**12)])
def test_rates_of_the_same_images_have_the_p_value_of_mcnemar(images: int, p_value: float) -> None:
    everyone = np.ones(200, dtype=bool)

    found = ratio_difference(Counted(np.arange(200) < images, everyone), Counted(~everyone, everyone))

    assert found.p_value == pytest.approx(p_value)
    assert (found.interval.low > 0) is (p_value < 0.05)


def test_a_mean_of_few_levels_has_the_interval_of_drawn_images() -> None:
    random = np.random.default_rng(3)
    values = random.choice([0.0, 0.5, 1.0], 400, p=[0.2, 0.3, 0.5])
    drawn = values[random.integers(0, 400, (4000, 400))].mean(axis=1)

    interval = bootstrap_mean(values)

    assert interval == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.006)


def test_the_interval_of_a_difference_of_two_shares_is_the_published_one() -> None:
    """Newcombe 1998 (Statistics in Medicine 17:873), table II: 56/70 − 48/80 with method 10 is 0.0524 to 0.3339."""
    found = square_and_add(wilson(56, 70), 56 / 70, wilson(48, 80), 48 / 80)

    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))
