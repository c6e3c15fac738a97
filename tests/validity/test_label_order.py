import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.results.predictions import Predictions
from robustkd.results.records import Check
from robustkd.validity.label_order import label_order


def checked(answers: np.ndarray, labels: np.ndarray, classes: int) -> Check:
    logits = np.eye(classes, dtype=np.float32)[answers]
    return label_order("at", Predictions(logits, labels), tuple(f"c{index}" for index in range(classes)))


def test_folders_sorted_by_name_instead_of_by_number_are_noticed() -> None:
    """Folders 0 to 11 sorted by name are 0, 1, 10, 11, 2, …, 9: the network's class 2 is label 4."""
    by_name = sorted(range(12), key=str)
    labels = np.arange(120) % 12

    check = checked(np.array(by_name)[labels], labels, 12)

    assert not check.passed
    assert "class 'c2' is predicted as 'c10'" in check.detail
    assert "100.0 % instead of 16.7 %" in check.detail  # only 0 and 1 keep their places: 2 of 12


def test_two_classes_that_changed_places_are_noticed() -> None:
    labels = np.arange(400) % 10
    order = np.array([1, 0, 2, 3, 4, 5, 6, 7, 8, 9])

    check = checked(order[labels], labels, 10)

    assert "class 'c0' is predicted as 'c1', class 'c1' is predicted as 'c0'; in the order" in check.detail


@pytest.mark.parametrize("count", [1, 10])
def test_a_few_images_prove_nothing(count: int) -> None:
    labels = np.arange(count) % 3

    assert checked((labels + 1) % 3, labels, 3).passed


def test_one_class_has_one_order() -> None:
    assert checked(np.zeros(50, dtype=np.int64), np.zeros(50, dtype=np.int64), 1).passed


@given(seed=st.integers(0, 999), classes=st.integers(2, 100), accuracy=st.sampled_from([0.0, 0.1, 0.5, 0.9]))
def test_a_network_that_errs_at_random_is_never_accused(seed: int, classes: int, accuracy: float) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, 300)
    answers = np.where(random.random(300) < accuracy, labels, random.integers(0, classes, 300))

    assert checked(answers, labels, classes).passed


def test_a_network_that_takes_every_rare_class_for_a_frequent_one_is_not_accused() -> None:
    """Two outputs cannot both mean the frequent class."""
    labels = np.repeat(np.arange(10), [300] * 5 + [10] * 5)

    assert checked(labels % 5, labels, 10).passed
