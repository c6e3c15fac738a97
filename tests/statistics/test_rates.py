import numpy as np
import pytest

from robustkd.statistics.bootstrap import ratio_difference
from robustkd.statistics.rates import Counted, paired_difference


def test_the_interval_of_two_rates_over_shared_images_is_the_bootstraps_where_images_are_many() -> None:
    random = np.random.default_rng(0)
    hard, right = random.random(4000), random.random((2, 4000)) < 0.85
    first, second = (
        Counted(seen & (hard + 0.3 * random.random(4000) < share), seen)
        for seen, share in zip(right, (0.6, 0.5), strict=True)
    )

    found = paired_difference(first, second, 0.95)

    assert found == pytest.approx(ratio_difference(first, second).interval, abs=0.002)


def test_the_interval_of_unpaired_rates_is_newcombes() -> None:
    """56 of 70 and 48 of 80, other images each: [0.0524, 0.3339] by method 10 (Newcombe 1998, table II, case a)."""
    first, second = np.arange(150) < 70, np.arange(150) >= 70
    events = np.arange(150) < 56, np.arange(150) >= 150 - 48

    found = paired_difference(Counted(events[0], first), Counted(events[1], second), 0.95)

    assert found == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_interval_of_a_rate_and_itself_is_zero() -> None:
    counted = Counted(np.arange(20) < 8, np.arange(20) < 16)

    assert paired_difference(counted, counted, 0.95) == pytest.approx((0, 0), abs=1e-7)


def test_a_rate_without_eligible_images_is_not_defined() -> None:
    assert np.isnan(Counted(np.zeros(3, dtype=bool), np.zeros(3, dtype=bool)).rate)
