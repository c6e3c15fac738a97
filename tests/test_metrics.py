"""`rk.metrics` on arrays whose answers are worked out by hand or by an independent computation."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, cohen_kappa_score, log_loss, recall_score

from robustkd import metrics
from robustkd.errors import BadInputError


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, 60)


@pytest.fixture
def logits(labels: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(60, 3)) + np.eye(3)[labels]


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def test_likelihood_is_scikit_learns_log_loss(logits: np.ndarray, labels: np.ndarray) -> None:
    expected = log_loss(labels, softmax(logits), labels=[0, 1, 2])

    assert metrics.negative_log_likelihood(logits, labels) == pytest.approx(expected, rel=1e-9)


def test_brier_score_is_the_sum_of_scikit_learns_over_the_classes(logits: np.ndarray, labels: np.ndarray) -> None:
    expected = sum(brier_score_loss(labels == each, softmax(logits)[:, each]) for each in range(3))

    assert metrics.brier_score(logits, labels) == pytest.approx(expected, rel=1e-9)


def test_error_consistency_is_cohens_kappa(logits: np.ndarray, labels: np.ndarray) -> None:
    first, second = logits.argmax(1) == labels, logits[::-1].argmax(1) == labels

    assert metrics.error_consistency(first, second) == pytest.approx(cohen_kappa_score(first, second), rel=1e-6)


def test_recalls_are_scikit_learns(logits: np.ndarray, labels: np.ndarray) -> None:
    expected = recall_score(labels, logits.argmax(1), average=None)

    np.testing.assert_allclose(metrics.recalls(logits, labels), expected)


def test_the_recall_of_a_class_without_images_is_not_defined() -> None:
    assert math.isnan(metrics.recalls([0, 0], [0, 0], classes=2)[1])


def test_calibration_error_of_two_bins_by_hand() -> None:
    """Confidences 0.6 (right, wrong) and 0.9 (right): 2/3·|0.5 − 0.6| + 1/3·|1 − 0.9|."""
    logits = np.log([[0.6, 0.4], [0.6, 0.4], [0.9, 0.1]])

    found = metrics.expected_calibration_error(logits, [0, 1, 0], bins=10)

    assert found == pytest.approx(2 / 3 * 0.1 + 1 / 3 * 0.1, abs=1e-6)


def test_kl_of_two_known_distributions() -> None:
    """KL((½, ½) ‖ (¼, ¾)) = ½·ln 2 + ½·ln(2/3)."""
    found = metrics.kl_divergence(np.log([[0.5, 0.5]]), np.log([[0.25, 0.75]]))

    assert found == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))


def test_the_temperature_makes_the_odds_those_of_the_labels() -> None:
    """Three of four labels are class 0, so the likeliest odds are e^(2/T) = 3."""
    found = metrics.fitting_temperature([[2.0, 0.0]] * 4, [0, 0, 0, 1])

    assert found == pytest.approx(2 / math.log(3), rel=1e-4)


def test_ways_to_count_transfer_differ_in_the_images_that_are_eligible() -> None:
    """Three images; the attack fools the source on the first two, the target on the first and the third."""
    labels, clean = [0, 0, 0], [[0, 0, 0], [0, 0, 0]]
    adversarial = [[[1, 1, 0], [1, 0, 1]], [[0, 0, 0], [0, 0, 0]]]

    jointly, fooled, changed = (
        metrics.transfer_matrix(labels, clean, adversarial, variant)[0, 1]
        for variant in ("jointly_correct", "fooled_source", "fooling_rate")
    )

    assert (jointly, fooled, changed) == (pytest.approx(2 / 3), 0.5, 0.5)


def test_an_agreement_takes_classes_as_well_as_logits(logits: np.ndarray) -> None:
    assert metrics.agreement(logits, logits.argmax(1)) == 1.0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: metrics.accuracy([[1.0, 0.0]], [0, 1]), "labels must be 1 integers"),
        (lambda: metrics.accuracy([[1.0, 0.0]], [2]), "classes from 0 on"),
        (lambda: metrics.accuracy([[1.0, 0.0]], [0.5]), "integers"),
        (lambda: metrics.agreement([0, 1], [0]), "2 and of 1 images"),
        (lambda: metrics.kl_divergence([[1.0, 0.0]], [[1.0, 0.0, 0.0]]), "same shape"),
        (lambda: metrics.error_consistency([], []), "same shape"),
        (lambda: metrics.expected_calibration_error([[1.0, 0.0]], [0], bins=0), "at least 1"),
        (lambda: metrics.transfer_matrix([0], [[0]], [[0]]), "adversarial must have the shape"),
        (lambda: metrics.transfer_matrix([0], [[0]], [[[0]]], "best"), "variant must be one of"),
        (lambda: metrics.negative_log_likelihood([1.0, 2.0], [0, 1]), "images, classes"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(call: Callable[[], object], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        call()
