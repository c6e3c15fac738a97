import numpy as np
import pytest

from robustkd.results.metric import Metric
from robustkd.results.tidy import tidy
from robustkd.results.value_rows import seed_rows, value_rows
from robustkd.statistics.intervals import T_SEEDS

from ..conftest import members

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")


def test_a_seed_without_a_value_is_left_out_of_the_mean() -> None:
    two = members(("student", "at", "small", 0), ("student", "at", "small", 1))

    found = tidy(value_rows(two, np.array([0.3, np.nan]), ACCURACY)).set_index("member")

    assert found["value"]["at"] == pytest.approx(0.3)
    assert np.isnan(found["value"]["at-1"])
    assert np.isnan(found["std"]["at"])


def test_three_seeds_have_a_t_interval_and_two_have_none() -> None:
    three = members(*(("student", "at", "small", seed) for seed in range(3)), ("baseline", "baseline", "small", 0))

    (row,) = seed_rows(three, np.array([0.70, 0.72, 0.74, 0.5]), ACCURACY)

    # mean 0.72, std 0.02, t(0.975, 2) = 4.3027 from a table: half-width 4.3027·0.02/√3 = 0.04968
    assert row["interval"] == T_SEEDS
    assert (row["value"], row["ci_low"], row["ci_high"]) == pytest.approx((0.72, 0.67032, 0.76968), abs=1e-5)
