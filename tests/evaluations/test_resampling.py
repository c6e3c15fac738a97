import numpy as np
import pandas as pd
import pytest

from robustkd.evaluations import Metric
from robustkd.evaluations.metric_rows import metric_rows, per_image_rows
from robustkd.evaluations.resampling import ratio, resampled, share
from robustkd.evaluations.statistics import BOOTSTRAP_IMAGES, Interval, bootstrap_mean, wilson
from robustkd.evaluations.tidy import tidy

from .conftest import members

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")


POOL = members(
    ("teacher", "teacher", "small", 9),
    ("baseline", "baseline", "small", 0),
    ("baseline", "baseline", "small", 1),
    ("student", "at", "small", 0),
)


def mean_of(correct: np.ndarray):
    return lambda weights: {"accuracy": share(correct, np.ones(len(correct), dtype=bool), weights)}


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
    statistics = [lambda weights: {"accuracy": share(event, eligible, weights)}]

    found = tidy(metric_rows(members(("student", "at", "small", 0)), resampled(statistics, 500), (ACCURACY,)))

    expected = bootstrap_mean(event[eligible].astype(float))
    assert found["value"].iloc[0] == pytest.approx(event[eligible].mean())
    assert tuple(found[["ci_low", "ci_high"]].iloc[0]) == pytest.approx(expected, abs=0.015)


def test_what_is_not_defined_has_neither_value_nor_interval() -> None:
    nothing = np.zeros(20, dtype=bool)
    statistics = [lambda weights: {"accuracy": share(nothing, nothing, weights)}] * 4

    found = tidy(metric_rows(POOL, resampled(statistics, 20), (ACCURACY, GAIN)))

    assert found[["value", "ci_low", "ci_high", "below_baseline", "ties_best"]].isna().all(axis=None)


def test_a_share_of_none_has_wilsons_interval_of_the_images_that_count() -> None:
    none, rare = np.zeros(100, dtype=bool), np.arange(100) < 20
    statistics = [lambda weights: {"accuracy": share(none, rare, weights)}] * 4

    found = tidy(metric_rows(POOL, resampled(statistics, 100, counts={"accuracy": [20] * 4}), (ACCURACY, GAIN)))

    of_none = wilson(0, 20).high
    one, mean, gain = (found[found["level"] == "network"], found[found["metric"] == "accuracy"], found[-1:])
    assert one[["value", "ci_low"]].eq(0).all(axis=None)
    np.testing.assert_allclose(mean["ci_high"], of_none)
    assert (gain["ci_low"].item(), gain["ci_high"].item()) == pytest.approx((-of_none, of_none))


def test_where_resamples_agree_a_metric_has_the_limits_given_with_it() -> None:
    statistics = [
        lambda weights: {"accuracy": np.zeros(len(weights))},
        lambda weights: {"accuracy": np.ones(len(weights))},
    ]
    limits = {"accuracy": [Interval(0.0, 0.3), Interval(0.6, 1.0)]}

    found = resampled(statistics, 10, limits=limits)["accuracy"]

    zero, one = np.array([0]), np.array([1])
    assert found.of_network(0)[0] == (0, 0.3)
    assert found.of_difference(one, zero)[0] == pytest.approx((0.6 - 0.3, 1 - 0))


def test_as_many_resamples_are_drawn_as_asked_for_and_all_networks_see_them() -> None:
    correct = np.random.default_rng(0).random(300) < 0.5

    few, many = (resampled([mean_of(correct)], 300, resamples=count)["accuracy"].samples for count in (400, 2000))

    np.testing.assert_array_equal(few, many[:, :400])


def test_division_by_nothing_gives_nothing() -> None:
    np.testing.assert_array_equal(ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0])), [0.5, np.nan])
