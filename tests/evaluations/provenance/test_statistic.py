from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from robustkd.evaluations.provenance.statistic import agreement_on_errors
from robustkd.statistics.separation import MOST_EXACT, separation


def value_of(agrees: np.ndarray, wrong: np.ndarray, weights: np.ndarray | None = None) -> float:
    weights = np.ones((1, len(agrees))) if weights is None else weights
    seen = agreement_on_errors(agrees, agrees, agrees, wrong, 3)
    return float(seen.statistics(weights)["agreement_on_errors"][0])


def test_the_statistic_is_the_mean_over_baselines_of_the_agreement_on_their_errors() -> None:
    agrees = np.array([True, True, False, False, True])
    wrong = np.array([[True, False, True, False, True], [False, False, True, True, False]])

    # the first baseline errs on three images, with two agreements; the second on two, with none
    assert value_of(agrees, wrong) == pytest.approx((2 / 3 + 0) / 2)
    assert value_of(agrees, wrong, np.array([[4.0, 1, 0, 1, 2]])) == pytest.approx((6 / 6 + 0 / 1) / 2)


def test_what_the_accuracies_imply_is_subtracted() -> None:
    agrees = np.array([True, True, True, False, True, False])
    correct = np.array([True, True, False, False, False, True])
    teacher = np.array([True, True, False, True, False, False])
    wrong = np.array([[True, True, True, True, False, False]])

    found = agreement_on_errors(agrees, correct, teacher, wrong, 5).statistics(np.ones((1, 6)))

    # on four images: three agreements, two right answers of the network, three of the teacher, four other classes
    assert found["agreement_beyond_accuracy"][0] == pytest.approx(3 / 4 - 2 / 4 * 3 / 4 - 2 / 4 * 1 / 4 / 4)


@pytest.mark.parametrize("accuracy", [0.3, 0.6, 0.9])
def test_networks_that_err_independently_agree_as_much_as_their_accuracies_imply(accuracy: float) -> None:
    random = np.random.default_rng(0)

    def answers(right: float) -> np.ndarray:
        return np.where(random.random(100_000) < right, 0, random.integers(1, 4, 100_000))

    network, teacher, baseline = answers(accuracy), answers(0.8), answers(0.7)

    found = agreement_on_errors(network == teacher, network == 0, teacher == 0, baseline[None] != 0, 4)

    # 30,000 errors: four standard errors of a share
    value = found.statistics(np.ones((1, 100_000)))["agreement_beyond_accuracy"][0]
    assert value == pytest.approx(0, abs=4 * 0.5 / np.sqrt(30_000))


def test_baselines_without_errors_do_not_count() -> None:
    agrees, perfect = np.array([True, False]), np.array([False, False])

    assert value_of(agrees, np.stack([perfect, ~perfect])) == 0.5
    assert np.isnan(value_of(agrees, perfect[None]))
    assert np.isnan(value_of(agrees, np.zeros((0, 2), dtype=np.bool_)))


@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(1, 5))
def test_auroc_and_exact_p_value_are_those_of_sklearn_and_scipy(seed: int, students: int, others: int) -> None:
    values = np.random.default_rng(seed).permutation(students + others).astype(float)  # no ties

    found = separation(values[:students], values[students:])

    assert found.auroc == pytest.approx(roc_auc_score(np.arange(len(values)) < students, values))
    expected = mannwhitneyu(values[:students], values[students:], alternative="greater", method="exact").pvalue
    assert found.p_value == pytest.approx(expected)
    assert found.exact


def test_perfectly_told_networks_have_the_lowest_p_value() -> None:
    found = separation(np.array([5.0, 6, 7]), np.array([1.0, 2, 3]))

    assert found.auroc == 1
    assert found.p_value == found.lowest == pytest.approx(1 / 20)


def test_equal_networks_are_not_told() -> None:
    found = separation(np.ones(3), np.ones(3))

    assert (found.auroc, found.p_value) == (0.5, 1)


def test_of_many_networks_permutations_are_drawn() -> None:
    random = np.random.default_rng(1)
    students, others = random.normal(0.5, 1, 12), random.normal(0, 1, 12)

    found = separation(students, others)

    assert comb(24, 12) > MOST_EXACT
    assert not found.exact
    expected = mannwhitneyu(students, others, alternative="greater", method="exact").pvalue
    # four standard deviations of 20,000 draws
    assert found.p_value == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / MOST_EXACT))


def test_networks_without_a_statistic_are_left_out() -> None:
    found = separation(np.array([3.0, np.nan]), np.array([np.nan]))

    assert np.isnan(found.auroc)
    assert np.isnan(found.p_value)
