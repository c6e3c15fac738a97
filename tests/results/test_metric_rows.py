import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.tidy import tidy
from robustkd.results.value_rows import seed_rows, value_rows
from robustkd.statistics.intervals import T_SEEDS

from ..conftest import members

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")
POOL = members(
    ("teacher", "teacher", "big", None),
    ("baseline", "baseline", "small", 0),
    ("baseline", "baseline", "small", 1),
    ("student", "at", "small", 0),
    ("student", "at", "small", 1),
)
#                  teacher          baseline                        at
CORRECT = np.array([[1, 1, 1, 1], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 1]], dtype=bool)


@pytest.fixture
def frame() -> pd.DataFrame:
    return tidy(per_image_rows(POOL, {"accuracy": CORRECT}, (ACCURACY, GAIN)))


def test_each_network_has_its_own_value(frame: pd.DataFrame) -> None:
    networks = frame[frame["level"] == "network"]

    assert list(networks["member"]) == ["teacher", "baseline-0", "baseline-1", "at-0", "at-1"]
    assert list(networks["value"]) == [1.0, 0.25, 0.5, 0.75, 0.75]
    assert set(networks["n"]) == {4}


def test_a_method_has_the_mean_and_the_sample_deviation_of_its_seeds(frame: pd.DataFrame) -> None:
    baseline = frame[(frame["level"] == "method") & (frame["method"] == "baseline")].iloc[0]

    assert baseline["value"] == 0.375
    assert baseline["std"] == pytest.approx(0.25 / np.sqrt(2))
    assert baseline["n_seeds"] == 2


def test_one_seed_has_no_deviation(frame: pd.DataFrame) -> None:
    teacher = frame[(frame["level"] == "method") & (frame["method"] == "teacher")].iloc[0]

    assert np.isnan(teacher["std"])


def test_the_gain_is_the_difference_of_means_with_the_deviation_of_seed_pairs(frame: pd.DataFrame) -> None:
    gain = frame[frame["metric"] == "gain"]

    assert list(gain["member"]) == ["at"]
    assert gain["value"].iloc[0] == 0.375
    assert gain["std"].iloc[0] == pytest.approx(0.25 / np.sqrt(2))  # of 0.5 and 0.25
    assert gain["ci_low"].iloc[0] <= 0.375 <= gain["ci_high"].iloc[0]


def test_a_student_worse_than_the_baseline_is_marked() -> None:
    frame = tidy(per_image_rows(POOL, {"accuracy": CORRECT[[0, 3, 4, 1, 2]]}, (ACCURACY, GAIN)))

    below = frame[frame["level"] == "method"].set_index(["metric", "method"])["below_baseline"]
    assert bool(below["accuracy", "at"])
    assert below.isna()["accuracy", "baseline"]


def test_the_best_and_what_cannot_be_told_from_it_tie() -> None:
    random = np.random.default_rng(0)
    best = random.random(2_000) < 0.9
    close, far = best.copy(), best.copy()
    close[:2], far[:400] = ~close[:2], False
    pool = members(*[("student", name, "small", None) for name in ("best", "close", "far")])

    frame = tidy(per_image_rows(pool, {"accuracy": np.stack([best, close, far])}, (ACCURACY,)))

    ties = frame[frame["level"] == "method"].set_index("method")["ties_best"]
    assert (bool(ties["best"]), bool(ties["close"]), bool(ties["far"])) == (True, True, False)


def test_without_a_baseline_there_is_no_difference() -> None:
    frame = tidy(per_image_rows(POOL.iloc[[0, 3, 4]], {"accuracy": CORRECT[[0, 3, 4]]}, (ACCURACY, GAIN)))

    assert not (frame["metric"] == "gain").any()


def test_ties_with_the_best_are_corrected_for_the_number_of_methods() -> None:
    best = np.ones(1000)
    worse = best.copy()
    worse[:7] = 0  # p is 0.6 % against one, not significant among eleven
    far = np.zeros(1000)
    names = ["best", "worse", *(f"m{i}" for i in range(10))]
    pool = members(*[("student", name, "small", None) for name in names])

    def ties(count: int) -> dict[str, bool]:
        values = np.stack([best, *[worse] * (count - 2), far])
        frame = tidy(per_image_rows(pool.iloc[:count], {"accuracy": values}, (ACCURACY,)))
        return frame[frame["level"] == "method"].set_index("method")["ties_best"].to_dict()

    assert not ties(3)["worse"]
    assert ties(12)["worse"]
    assert not ties(12)["m9"]


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


def test_no_difference_of_fewer_than_six_images_is_significant() -> None:
    pool = members(("baseline", "plain", "small", None), ("student", "at", "small", None))
    for images, significant in ((5, False), (6, True)):  # of exact sign tests, 2·(1/2)⁵ is 6.3 %, 2·(1/2)⁶ is 3.1 %
        right = np.ones((2, 6), dtype=bool)
        right[0, :images] = False

        frame = tidy(per_image_rows(pool, {"accuracy": right}, (ACCURACY, GAIN)))

        gain = frame[frame["metric"] == "gain"].iloc[0]
        assert (gain["ci_low"] > 0) is np.bool_(significant)


def test_networks_that_are_all_right_are_not_known_to_be_so_on_every_other_image() -> None:
    frame = tidy(per_image_rows(POOL, {"accuracy": np.ones((5, 30), dtype=bool)}, (ACCURACY, GAIN)))

    accuracy, gain = (frame[frame["metric"] == name] for name in ("accuracy", "gain"))
    expected = binomtest(30, 30).proportion_ci(0.95, method="wilson").low
    np.testing.assert_allclose(accuracy["ci_low"], expected)
    np.testing.assert_allclose(accuracy["ci_high"], 1)
    assert (gain["ci_low"].item(), gain["ci_high"].item()) == pytest.approx((expected - 1, 1 - expected))


def test_equal_numbers_without_bounds_are_left_as_they_are() -> None:
    """How far another image's divergence may lie from these, nothing says."""
    divergence = Metric("kl", "KL", "nats", False, "")

    frame = tidy(per_image_rows(POOL, {"kl": np.ones((5, 30))}, (divergence,)))

    assert frame[["ci_low", "ci_high"]].eq(1).all(axis=None)


def test_one_network_has_the_same_interval_as_its_method(frame: pd.DataFrame) -> None:
    rows = frame[(frame["method"] == "teacher") & (frame["metric"] == "accuracy")]

    assert rows["interval"].nunique() == rows["ci_low"].nunique() == 1
