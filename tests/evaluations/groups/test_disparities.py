import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustkd.evaluations.groups.disparities import (
    demographic_parity_difference,
    disparities,
    equalised_odds_difference,
)

# group a: 4 images, group b: 5 images
GROUPS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
LABELS = np.array([0, 0, 1, 1, 0, 0, 1, 1, 1])
PREDICTED = np.array([0, 1, 1, 1, 0, 0, 0, 1, 0])


def test_the_measures_of_two_classes_are_those_derived_by_hand() -> None:
    found = disparities(PREDICTED, LABELS, GROUPS, 2, 1)

    # right: a 3 of 4, b 3 of 5; class 1 predicted: a 3 of 4, b 1 of 5
    assert found["worst_group_accuracy"] == pytest.approx(3 / 5)
    assert found["accuracy_spread"] == pytest.approx(3 / 4 - 3 / 5)
    assert found["demographic_parity_difference"] == pytest.approx(3 / 4 - 1 / 5)
    # class 1 predicted for images of class 0: a 1 of 2, b 0 of 2; of class 1: a 2 of 2, b 1 of 3
    assert found["equalised_odds_difference"] == pytest.approx(max(1 / 2 - 0, 1 - 1 / 3))


def test_of_several_classes_the_largest_range_counts() -> None:
    predicted = np.array([0, 1, 2, 2, 0, 1, 1, 2])
    groups = np.array([0, 0, 0, 0, 1, 1, 1, 1])

    # shares of the classes: group 0 has 1/4, 1/4, 2/4, group 1 has 1/4, 2/4, 1/4
    assert demographic_parity_difference(predicted, groups) == pytest.approx(1 / 4)


def test_groups_and_cells_with_few_images_do_not_count() -> None:
    labels = np.array([0] * 6 + [1] * 6 + [0])
    groups = np.array([0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 2, 2])
    predicted = labels.copy()
    predicted[[0, 3, 4]] = 1  # class 0: one of three wrong in group 0, two of three in group 1
    predicted[[9, 11, 12]] = 0, 0, 1  # class 1 of group 1 has two images, group 2 has two

    found = disparities(predicted, labels, groups, 2, 3)

    assert found["equalised_odds_difference"] == pytest.approx(2 / 3 - 1 / 3)
    # group 0: 5 of 6 right; group 1: 2 of 5
    assert found["worst_group_accuracy"] == pytest.approx(2 / 5)


def test_without_two_groups_nothing_is_defined() -> None:
    assert np.isnan(demographic_parity_difference(np.array([0, 1]), np.array([0, 0])))
    assert np.isnan(equalised_odds_difference(np.array([0, 1]), np.array([0, 1]), np.array([0, 1])))


@given(st.integers(0, 2**31), st.integers(2, 4), st.integers(2, 4))
def test_the_measures_are_those_of_a_loop(seed: int, classes: int, groups: int) -> None:
    random = np.random.default_rng(seed)
    predicted, labels = random.integers(0, classes, (2, 60))
    group = random.integers(0, groups, 60)

    found = disparities(predicted, labels, group, classes, 1)

    present = np.unique(group)
    parity = [np.ptp([(predicted[group == g] == k).mean() for g in present]) for k in range(classes)]
    odds = []
    for true in range(classes):
        cells = [predicted[(group == g) & (labels == true)] for g in present]
        cells = [cell for cell in cells if len(cell)]
        if len(cells) > 1:
            odds += [np.ptp([(cell == k).mean() for cell in cells]) for k in range(classes)]
    accuracies = [(predicted == labels)[group == g].mean() for g in present]
    assert found["demographic_parity_difference"] == pytest.approx(max(parity))
    assert found["equalised_odds_difference"] == pytest.approx(max(odds))
    assert found["accuracy_spread"] == pytest.approx(np.ptp(accuracies))
    assert found["worst_group_accuracy"] == pytest.approx(min(accuracies))


@given(st.integers(0, 2**31))
def test_the_names_of_groups_do_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    predicted, labels, group = random.integers(0, 3, (3, 40))

    renamed = disparities(predicted, labels, np.array([2, 0, 1])[group], 3, 1)

    assert renamed == pytest.approx(disparities(predicted, labels, group, 3, 1), nan_ok=True)
