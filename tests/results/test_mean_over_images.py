import numpy as np
import pytest
from scipy.stats import binomtest

from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.tidy import tidy

from ..conftest import members

ACCURACY = Metric("accuracy", "Accuracy", "fraction", True, "")
GAIN = Metric("gain", "Gain", "points", True, "", difference_of="accuracy")
KL = Metric("kl", "KL", "nats", False, "")
KL_EXCESS = Metric("kl_excess", "KL in excess", "nats", False, "", difference_of="kl")
POOL = members(
    ("teacher", "teacher", "big", None),
    ("baseline", "baseline", "small", 0),
    ("baseline", "baseline", "small", 1),
    ("student", "at", "small", 0),
    ("student", "at", "small", 1),
)


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


def test_numbers_without_bounds_that_all_images_share_have_no_interval() -> None:
    """None of these images shows how far the divergence of another image may be from theirs."""
    frame = tidy(per_image_rows(POOL, {"kl": np.ones((5, 30))}, (KL, KL_EXCESS)))

    assert set(frame["value"]) == {0.0, 1.0}
    assert frame[["ci_low", "ci_high", "interval"]].isna().all(axis=None)


def test_identical_networks_have_a_difference_without_an_interval_where_nothing_bounds_it() -> None:
    roles = (("baseline", "baseline"), ("student", "at"))
    pool = members(*((role, method, "small", seed) for role, method in roles for seed in range(3)))
    divergence = np.tile(np.random.default_rng(0).exponential(size=30), (6, 1))

    frame = tidy(per_image_rows(pool, {"kl": divergence}, (KL, KL_EXCESS)))

    excess = frame[frame["metric"] == "kl_excess"].iloc[0]
    assert excess["value"] == pytest.approx(0)
    assert np.isnan(excess["ci_low"])
    assert frame[frame["metric"] == "kl"]["ci_low"].notna().all()  # each network varies between images
    assert not frame["below_baseline"].fillna(False).any()
    assert frame.set_index(["level", "metric", "member"])["ties_best"]["method", "kl", "at"]


def test_one_network_has_the_same_interval_as_its_method() -> None:
    frame = tidy(per_image_rows(POOL, {"accuracy": np.arange(20).reshape(5, 4) % 3 > 0}, (ACCURACY,)))

    rows = frame[frame["method"] == "teacher"]

    assert rows["interval"].nunique() == rows["ci_low"].nunique() == 1


@pytest.mark.filterwarnings("error")
def test_on_a_single_image_nothing_is_significant() -> None:
    seen = np.array([[True], [False], [True], [False], [False], [False]])
    seeds = range(3)
    pool = members(*(("baseline", "baseline", "net", s) for s in seeds), *(("student", "at", "net", s) for s in seeds))
    metrics = (
        Metric("accuracy", "Accuracy", "fraction", True, ""),
        Metric("gain", "Gain", "points", True, "", difference_of="accuracy"),
    )

    frame = tidy(per_image_rows(pool, {"accuracy": seen}, metrics))

    row = frame[frame["metric"] == "gain"].iloc[0]
    assert row["value"] == pytest.approx(-2 / 3)
    assert row["p_value"] == 1
