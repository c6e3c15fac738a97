import numpy as np
import pytest
from scipy.stats import linregress

from robustkd.evaluations.transferability import Transferability
from robustkd.evaluations.transferability.accuracy_rows import explained_variance
from robustkd.results.records import Records

from ...conftest import members


def test_the_explained_variance_is_that_of_scipys_regression() -> None:
    random = np.random.default_rng(0)
    x, y = random.random((2, 1, 7))

    assert explained_variance(x, y)[0] == pytest.approx(linregress(x[0], y[0]).rvalue ** 2)


def test_a_line_explains_everything_and_what_does_not_vary_is_not_explained() -> None:
    x = np.array([[0.1, 0.5, 0.9]])

    assert explained_variance(x, 2 - 3 * x)[0] == pytest.approx(1)
    assert np.isnan(explained_variance(x, np.ones((1, 3)))[0])


def records_of(accuracies: list[float], fooled: list[float]) -> Records:
    """Networks that are right on the first part of 1,000 images, and fooled on a share of these by the teacher."""
    count, images = len(accuracies), 1000
    clean = np.ones((count + 1, images), dtype=int)
    adversarial = np.ones((count + 1, count + 1, images), dtype=int)
    clean[0] = 0
    for index, (accuracy, share) in enumerate(zip(accuracies, fooled, strict=True), start=1):
        right = round(accuracy * images)
        clean[index, :right] = 0
        adversarial[0, index, round(share * right) : right] = 0
    arrays = {
        "label": np.zeros(images, dtype=int),
        "clean": clean,
        "adversarial": adversarial,
        "rounded": clean,
        "noise": np.where(np.arange(images) < 100, 1, clean),
        "own": np.empty((0, count + 1, images), dtype=int),
        "sweep": np.empty((0, count + 1, count + 1, images), dtype=int),
        "further": np.empty((0, count + 1, count + 1, images), dtype=int),
        "further_attacks": np.array([], dtype=np.str_),
        "epsilon": np.array(0.031),
        "epsilons": np.array([]),
        "zero_gradient": np.zeros((count + 1, images), dtype=bool),
        "attacks": np.array(["PGD-20"]),
        "class_names": np.array(["no", "yes"]),
        "teacher_is_target": np.array(True),
    }
    people = [("student", f"kd{index}", "net", 0) for index in range(count)]
    return Records(members(("teacher", "teacher", "big", None), *people), arrays)


def test_transfer_that_follows_accuracy_is_explained_by_it() -> None:
    frame = Transferability().summarise(records_of([0.5, 0.6, 0.7, 0.8], [0.5, 0.4, 0.3, 0.2]))

    (row,) = frame[frame["metric"] == "explained_by_accuracy"].to_dict("records")
    assert row["value"] == pytest.approx(1, abs=1e-6)
    assert (row["member"], row["part"], row["level"]) == ("teacher", "over 4 networks", "detail")
    told = " ".join(Transferability().headline(frame))
    assert "Across 4 networks, their accuracy explains 100.0%" in told


def test_fewer_than_four_networks_are_too_few_for_a_line() -> None:
    frame = Transferability().summarise(records_of([0.5, 0.6, 0.7], [0.5, 0.4, 0.3]))

    assert not (frame["metric"] == "explained_by_accuracy").any()


def test_noise_counts_the_images_that_were_right() -> None:
    frame = Transferability().summarise(records_of([0.5], [0.5]))

    rows = frame[(frame["metric"] == "noise_success") & (frame["level"] == "network")]
    assert dict(zip(rows["member"], rows["value"], strict=True)) == {"teacher": 0.1, "kd0-0": 0.2}
