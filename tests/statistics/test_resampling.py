import numpy as np
import pandas as pd
import pytest

from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.tidy import tidy
from robustkd.statistics.bootstrap import bootstrap_mean
from robustkd.statistics.intervals import BOOTSTRAP_IMAGES, Interval, wilson
from robustkd.statistics.resampling import Observed, ratio, resampled, share, where

from ..conftest import members

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")


POOL = members(
    ("teacher", "teacher", "small", 9),
    ("baseline", "baseline", "small", 0),
    ("baseline", "baseline", "small", 1),
    ("student", "at", "small", 0),
)


def share_of(event: np.ndarray, eligible: np.ndarray) -> Observed:
    answers = {"accuracy": where(eligible, event)}
    return Observed(lambda weights: {"accuracy": share(event, eligible, weights)}, answers)


def mean_of(correct: np.ndarray) -> Observed:
    return share_of(correct, np.ones(len(correct), dtype=bool))


def test_what_is_a_mean_over_images_gets_the_values_and_intervals_of_means() -> None:
    random = np.random.default_rng(0)
    correct = random.random((4, 400)) < np.array([[0.9], [0.5], [0.6], [0.7]])

    found = tidy(metric_rows(POOL, resampled([mean_of(row) for row in correct], 400), (ACCURACY, GAIN)))
    expected = tidy(per_image_rows(POOL, {"accuracy": correct}, (ACCURACY, GAIN)))

    keys = ["level", "member", "metric"]
    for column in ("value", "std", "n", "n_seeds", "below_baseline", "ties_best"):
        pd.testing.assert_series_equal(found.set_index(keys)[column], expected.set_index(keys)[column])
    bootstrapped = expected["interval"] == BOOTSTRAP_IMAGES
    for column in ("ci_low", "ci_high"):
        np.testing.assert_allclose(found[bootstrapped][column], expected[bootstrapped][column], atol=0.01)


def test_networks_see_the_same_resamples() -> None:
    correct = np.random.default_rng(0).random(300) < 0.5

    found = resampled([mean_of(correct), mean_of(~correct)], 300)["accuracy"]

    np.testing.assert_allclose(found.samples.sum(axis=0), 1)
    assert found.samples[0].std() == pytest.approx(0.5 / np.sqrt(300), rel=0.1)


def test_the_interval_of_a_share_covers_the_images_that_are_eligible() -> None:
    random = np.random.default_rng(1)
    event, eligible = random.random(500) < 0.4, random.random(500) < 0.3
    seen = [share_of(event, eligible)]

    found = tidy(metric_rows(members(("student", "at", "small", 0)), resampled(seen, 500), (ACCURACY,)))

    expected = bootstrap_mean(event[eligible].astype(float))
    assert found["value"].iloc[0] == pytest.approx(event[eligible].mean())
    assert tuple(found[["ci_low", "ci_high"]].iloc[0]) == pytest.approx(expected, abs=0.015)


def test_what_is_not_defined_has_neither_value_nor_interval() -> None:
    nothing = np.zeros(20, dtype=bool)

    found = tidy(metric_rows(POOL, resampled([share_of(nothing, nothing)] * 4, 20), (ACCURACY, GAIN)))

    assert found[["value", "ci_low", "ci_high", "below_baseline", "ties_best"]].isna().all(axis=None)


def test_a_share_of_none_has_wilsons_interval_of_the_images_that_count() -> None:
    none, rare = np.zeros(100, dtype=bool), np.arange(100) < 20

    found = tidy(metric_rows(POOL, resampled([share_of(none, rare)] * 4, 100), (ACCURACY, GAIN)))

    of_none = wilson(0, 20).high
    one, mean, gain = (found[found["level"] == "network"], found[found["metric"] == "accuracy"], found[-1:])
    assert one[["value", "ci_low"]].eq(0).all(axis=None)
    np.testing.assert_allclose(mean["ci_high"], of_none)
    assert (gain["ci_low"].item(), gain["ci_high"].item()) == pytest.approx((-of_none, of_none))


def test_no_interval_is_narrower_than_what_is_known_at_best() -> None:
    zero = Observed(lambda weights: {"accuracy": np.zeros(len(weights))}, limits={"accuracy": Interval(0.0, 0.3)})
    one = Observed(lambda weights: {"accuracy": np.ones(len(weights))}, limits={"accuracy": Interval(0.6, 1.0)})

    found = resampled([zero, one], 10)["accuracy"]

    assert found.of_network(0)[0] == (0, 0.3)
    assert found.of_difference(np.array([1]), np.array([0]))[0] == pytest.approx((0.6 - 0.3, 1 - 0))


@pytest.mark.parametrize(("better_on", "significant"), [(5, False), (6, True)])
def test_a_difference_is_significant_from_six_images_on_that_differ(better_on: int, significant: bool) -> None:
    """This holds for any number of other networks: by exact sign tests 2·(1/2)⁵ is 6.3 % and 2·(1/2)⁶ is 3.1 %."""
    better, worse = np.arange(200) < 100 + better_on, np.arange(200) < 100
    eligible = (np.arange(200) > 90) & (np.arange(200) < 115)

    found = resampled([share_of(better, eligible), share_of(worse, eligible)], 200)["accuracy"]

    assert (found.of_difference(np.array([0]), np.array([1]))[0].low > 0) is significant
    assert found.images(np.array([0])) == 24


def test_as_many_resamples_are_drawn_as_asked_for_and_all_networks_see_them() -> None:
    correct = np.random.default_rng(0).random(300) < 0.5

    few, many = (resampled([mean_of(correct)], 300, resamples=count)["accuracy"].samples for count in (400, 2000))

    np.testing.assert_array_equal(few, many[:, :400])


def test_division_by_nothing_gives_nothing() -> None:
    np.testing.assert_array_equal(ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0])), [0.5, np.nan])


def test_what_is_not_a_count_of_cases_keeps_the_interval_of_its_resamples() -> None:
    """A hundred numbers close to each other tell their mean better than yes and no of a hundred images."""
    numbers = 0.9 + 0.001 * np.random.default_rng(0).random(100)
    seen = Observed(lambda weights: {"accuracy": weights @ numbers / weights.sum(axis=1)}, {"accuracy": numbers})

    low, high = resampled([seen], 100)["accuracy"].of_network(0)[0]

    assert high - low < 0.0002


def test_the_interval_of_a_metric_below_zero_contains_its_mean_over_seeds() -> None:
    random = np.random.default_rng(0)
    gaps = [random.normal(-0.2, 0.1, 50) for _ in range(3)]  # confidence minus accuracy of underconfident networks
    networks = [
        Observed(
            lambda weights, gap=gap: {"gap": ratio(weights @ gap, weights.sum(axis=1))},
            limits={"gap": Interval(gap.mean() - 0.01, gap.mean() + 0.01)},
        )
        for gap in gaps
    ]

    found = resampled(networks, 50)["gap"].of_mean(np.arange(3))

    assert found is not None
    assert found[0].low < np.mean(gaps) < found[0].high < 0
