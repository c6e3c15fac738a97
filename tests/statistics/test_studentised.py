"""Student's t over images and trainings, against computations written down here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from robustkd.results.mean_over_images import MeanOverImages
from robustkd.statistics.intervals import Interval
from robustkd.statistics.studentised import AND_SEEDS, T_IMAGES, OverImages, Side, consistent, standard_error, t_test

ONE, OTHER = np.array([0]), np.array([1])
THREE, THREE_MORE = np.arange(3), np.arange(3, 6)


def found_on(seen: np.ndarray, share: bool = False) -> MeanOverImages:
    return MeanOverImages(seen, share)


def test_two_networks_that_differ_on_every_image_have_the_paired_t_test() -> None:
    seen = np.random.default_rng(0).normal(size=(2, 40))

    found = found_on(seen).of_difference(ONE, OTHER)

    expected = stats.ttest_rel(seen[0], seen[1])
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.covers == T_IMAGES


def test_only_images_on_which_they_differ_count_as_degrees_of_freedom() -> None:
    """Differences of 1, 2, 3 on 3 of 10 images: mean 0.6, variance (14 − 3.6) / 9, t of 2 degrees."""
    seen = np.zeros((2, 10))
    seen[0, :3] = 1, 2, 3

    found = found_on(seen).of_difference(ONE, OTHER)

    error = np.sqrt((14 - 3.6) / 9 / 10)
    assert found.p_value == pytest.approx(2 * stats.t.sf(0.6 / error, 2))


@pytest.mark.parametrize(
    ("only_first", "only_second", "p_value"), [(6, 0, 1 / 32), (5, 0, 1 / 16), (12, 2, 212 / 2**14)]
)
def test_yes_and_no_of_two_networks_have_the_exact_test(only_first: int, only_second: int, p_value: float) -> None:
    """212 = 2 · (1 + 14 + 91): at most 2 of 14."""
    seen = np.zeros((2, 100), dtype=bool)
    seen[0, :only_first] = True
    seen[1, only_first : only_first + only_second] = True

    found = found_on(seen, share=True).of_difference(ONE, OTHER)

    assert found.p_value == pytest.approx(p_value)
    assert (found.interval.low > 0) is (p_value < 0.05)
    assert "McNemar" in found.covers


def test_trainings_that_differ_by_a_constant_have_the_unpaired_t_test_over_seeds() -> None:
    """Without a difference between images, Satterthwaite's degrees of freedom are Welch's."""
    levels = np.array([0.1, 0.3, 0.2, 0.6, 0.9, 0.6])
    seen = levels[:, None] + np.zeros((6, 50))

    found = found_on(seen).of_difference(THREE, THREE_MORE)

    expected = stats.ttest_ind(levels[:3], levels[3:], equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-6)
    assert found.covers == T_IMAGES + AND_SEEDS


def test_two_trainings_stand_for_themselves() -> None:
    seen = np.random.default_rng(0).normal(size=(4, 30)) + np.array([0.0, 5.0, 0.1, 5.1])[:, None]

    found = found_on(seen).of_difference(np.arange(2), np.arange(2, 4))

    expected = stats.ttest_rel(seen[:2].mean(0), seen[2:].mean(0))
    assert (found.p_value, found.covers) == (pytest.approx(expected.pvalue), T_IMAGES)


def test_the_interaction_of_network_and_image_counts_once() -> None:
    """Independent numbers for each network and image: the variance of the mean is σ²/(S·N), not twice that."""
    random = np.random.default_rng(0)
    totals = []
    for _ in range(400):
        seen = random.normal(size=(5, 60))
        values = seen.mean(axis=1)
        side = Side(values, seen.var(axis=1, ddof=1).mean() / 60, seen.mean(axis=0).var(ddof=1) / 60)
        totals.append(standard_error(OverImages(side.mean, 59), [side])[0] ** 2)

    # the larger of two estimates is a little too large, but far from their sum
    assert 1 / 300 < np.mean(totals) < 1.5 / 300


def test_images_networks_and_interaction_add_up() -> None:
    random = np.random.default_rng(1)
    totals = []
    for _ in range(600):
        images, networks = random.normal(0, 1, 50), random.normal(0, 0.2, 8)
        seen = images + networks[:, None] + random.normal(0, 1, (8, 50))
        side = Side(seen.mean(axis=1), seen.var(axis=1, ddof=1).mean() / 50, seen.mean(axis=0).var(ddof=1) / 50)
        totals.append(standard_error(OverImages(side.mean, 49), [side])[0] ** 2)

    assert np.mean(totals) == pytest.approx(1 / 50 + 0.04 / 8 + 1 / 400, rel=0.06)


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 3, 5]), st.booleans())
def test_swapping_the_sides_negates_the_interval_and_keeps_the_p_value(seed: int, seeds: int, yes_or_no: bool) -> None:
    random = np.random.default_rng(seed)
    seen = random.random((2 * seeds, 30)) < 0.7 if yes_or_no else random.random((2 * seeds, 30))
    rows, others = np.arange(seeds), np.arange(seeds, 2 * seeds)

    found, swapped = (found_on(seen, True).of_difference(*pair) for pair in ((rows, others), (others, rows)))

    assert found.p_value == pytest.approx(swapped.p_value)
    assert found.interval == pytest.approx((-swapped.interval.high, -swapped.interval.low), abs=1e-9)


@given(st.integers(0, 10_000), st.sampled_from([1, 3]))
def test_the_order_of_the_images_does_not_matter(seed: int, seeds: int) -> None:
    random = np.random.default_rng(seed)
    seen = random.random((2 * seeds, 20)) < 0.7
    rows, others = np.arange(seeds), np.arange(seeds, 2 * seeds)

    found, shuffled = (
        found_on(each, True).of_difference(rows, others) for each in (seen, seen[:, random.permutation(20)])
    )

    assert found.p_value == pytest.approx(shuffled.p_value)


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 3]), st.sampled_from([0.02, 0.2, 0.5]))
def test_an_interval_excludes_zero_exactly_if_the_p_value_is_below_five_percent(
    seed: int, seeds: int, share: float
) -> None:
    seen = np.random.default_rng(seed).random((2 * seeds, 40)) < share

    found = found_on(seen, True).of_difference(np.arange(seeds), np.arange(seeds, 2 * seeds))

    assert (found.p_value < 0.05) is not (found.interval.low <= 0 <= found.interval.high)


def test_a_significant_difference_whose_interval_must_hold_zero_is_not_significant() -> None:
    assert consistent(Interval(-0.1, 0.2), "", 0.01).p_value == pytest.approx(0.05)
    assert consistent(Interval(0.1, 0.2), "", 0.2).interval == (0, 0.2)


def test_networks_that_never_differ_are_not_different() -> None:
    assert t_test(0.0, OverImages(0.0, -1), [], Interval(-0.1, 0.1)) == ((-0.1, 0.1), T_IMAGES, 1.0)


def test_the_mean_of_three_trainings_covers_both_images_and_trainings() -> None:
    levels = np.array([0.2, 0.5, 0.8])
    seen = levels[:, None] + np.zeros((3, 50))

    interval, covers = found_on(seen).of_mean(THREE)

    assert interval == pytest.approx(tuple(stats.t.interval(0.95, 2, 0.5, levels.std(ddof=1) / np.sqrt(3))), rel=1e-6)
    assert covers == T_IMAGES + AND_SEEDS


def test_the_interval_of_a_share_stays_within_its_range() -> None:
    seen = np.stack([np.arange(30) < 29, np.arange(30) < 30, np.arange(30) < 20])

    interval, _ = found_on(seen, share=True).of_mean(THREE)

    assert (interval.low, interval.high) == (pytest.approx(interval.low), 1.0)
    assert interval.low > 0
