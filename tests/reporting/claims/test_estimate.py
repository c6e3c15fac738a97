import math

import pytest

from robustkd.reporting.claims.estimate import Estimate, corrected, mean_of, minus, over_networks


def test_the_mean_has_the_mean_interval_which_holds_for_any_dependence() -> None:
    mean = mean_of([Estimate(0.1, 0.0, 0.3, 5), Estimate(0.3, 0.2, 0.4, 3)])

    assert (mean.value, mean.low, mean.high) == pytest.approx((0.2, 0.1, 0.35))
    assert mean.seeds == 3


def test_a_difference_adds_the_half_widths_in_quadrature() -> None:
    found = minus(Estimate(0.5, 0.47, 0.53), Estimate(0.2, 0.16, 0.24))  # 3-4-5

    assert (found.value, found.low, found.high) == pytest.approx((0.3, 0.25, 0.35))


def test_a_number_without_an_interval_has_no_difference_with_one() -> None:
    found = minus(Estimate(0.5), Estimate(0.2, 0.1, 0.3))

    assert (found.low, found.high) == (-math.inf, math.inf)


def test_a_third_of_an_estimate() -> None:
    third = Estimate(0.3, -0.3, 0.6).times(-1 / 3)

    assert (third.value, third.low, third.high) == pytest.approx((-0.1, -0.2, 0.1))


def test_two_comparisons_widen_an_interval_over_images_by_the_normal_quantiles() -> None:
    # z(1 − 0.025/2) / z(1 − 0.025) = 2.24140 / 1.95996
    assert corrected(Estimate(0.0, -1.0, 2.0), 2).high == pytest.approx(2 * 1.14359, abs=1e-4)


def test_two_comparisons_widen_an_interval_over_three_seeds_by_those_of_student() -> None:
    # t(2; 0.9875) / t(2; 0.975) = 6.20535 / 4.30265
    assert corrected(Estimate(0.0, -1.0, 2.0, seeds=3), 2).low == pytest.approx(-1.44222, abs=1e-4)


def test_the_mean_over_networks_varies_with_images_and_seeds() -> None:
    networks = [Estimate(value, value - 0.03, value + 0.03) for value in (0.1, 0.2, 0.3)]

    found = over_networks(networks, "hinton")

    # over seeds: t(2; 0.975) · 0.1 / √3 = 0.24841; over images: 0.03
    assert (found.value, found.seeds) == (pytest.approx(0.2), 3)
    assert found.high - found.value == pytest.approx(math.hypot(0.24841, 0.03), abs=1e-4)
