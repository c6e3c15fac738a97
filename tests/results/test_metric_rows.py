import numpy as np
import pandas as pd
import pytest

from robustkd.results.mean_over_images import MeanOverImages, per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.tidy import tidy

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


def test_without_a_baseline_there_is_no_difference() -> None:
    frame = tidy(per_image_rows(POOL.iloc[[0, 3, 4]], {"accuracy": CORRECT[[0, 3, 4]]}, (ACCURACY, GAIN)))

    assert not (frame["metric"] == "gain").any()


@pytest.mark.parametrize(("images", "told"), [(1, ", of only 1 image"), (5, ", of only 5 images"), (6, "")])
def test_an_interval_from_a_handful_of_images_says_so(images: int, told: str) -> None:
    found = {"accuracy": MeanOverImages(np.ones((1, images), dtype=bool))}

    (row, _) = metric_rows(members(("student", "at", "net", None)), found, (ACCURACY,))

    assert row["interval"] == f"95% Wilson over test images{told}"


def test_a_difference_may_be_to_a_student_of_another_teacher() -> None:
    pool = members(
        ("baseline", "baseline", "net", None),
        ("student", "at", "net", None),
        ("control", "at of another teacher", "net", None),
    )
    agreement = Metric("agreement", "", "fraction", True, "")
    excess = Metric("excess", "", "points", True, "", difference_of="agreement")
    control = Metric("over_control", "", "points", True, "", difference_of="agreement", reference="control")
    seen = np.arange(100) < np.array([[40], [90], [70]])

    rows = tidy(per_image_rows(pool, {"agreement": seen}, (agreement, excess, control)))

    found = rows[rows["level"] == "method"].set_index(["metric", "member"])["value"]
    assert found["excess", "at"] == pytest.approx(0.5)
    assert found["over_control", "at"] == pytest.approx(0.2)
    assert ("excess", "at of another teacher") not in found
