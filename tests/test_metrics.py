"""`rk.metrics` on arrays whose answers are worked out by hand or by an independent computation."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import spearmanr
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    cohen_kappa_score,
    log_loss,
    recall_score,
    roc_auc_score,
    roc_curve,
)

from robustkd import metrics
from robustkd.errors import BadInputError


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 3, 60)


@pytest.fixture
def logits(labels: np.ndarray) -> np.ndarray:
    return np.asarray(np.random.default_rng(1).normal(size=(60, 3)) + np.eye(3)[labels])


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


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


def test_divergences_are_scipys(logits: np.ndarray) -> None:
    p, q = softmax(logits), softmax(logits[::-1])

    expected = np.mean([jensenshannon(*pair) ** 2 for pair in zip(p, q, strict=True)])

    assert metrics.jensen_shannon(logits, logits[::-1]) == pytest.approx(expected, rel=1e-6)
    assert metrics.total_variation(logits, logits[::-1]) == pytest.approx(np.abs(p - q).sum(axis=1).mean() / 2)


def test_correlation_without_the_label_is_scipys(labels: np.ndarray) -> None:
    own, other = np.random.default_rng(2).normal(size=(2, 60, 5))
    kept = np.arange(5) != labels[:, None]

    pairs = zip(own[kept].reshape(60, 4), other[kept].reshape(60, 4), strict=True)

    expected = np.mean([spearmanr(*pair).statistic for pair in pairs])
    assert metrics.non_target_correlation(own, other, labels) == pytest.approx(expected)


def test_probabilistic_consistency_by_its_formula(logits: np.ndarray, labels: np.ndarray) -> None:
    p, q = softmax(logits), softmax(logits[::-1])
    mean_p, mean_q = (each[np.arange(60), labels].mean() for each in (p, q))

    expected = mean_p * mean_q + (1 - mean_p) * (1 - mean_q) / 2

    found = metrics.probabilistic_consistency(logits, logits[::-1], labels)
    assert found == pytest.approx(((p * q).sum(axis=1).mean() - expected) / (1 - expected), rel=1e-6)


def test_the_line_through_logits_is_numpys(logits: np.ndarray) -> None:
    student = 2 * logits + np.random.default_rng(3).normal(size=logits.shape)
    rows, top = np.arange(60), logits.argmax(axis=1)
    teacher_top, student_top = ((each - each.mean(axis=1, keepdims=True))[rows, top] for each in (logits, student))

    expected = np.polyfit(teacher_top, student_top, 1)

    assert metrics.logit_regression(logits, student) == pytest.approx(tuple(expected))


def test_selective_measures_by_accepting_one_image_after_another(logits: np.ndarray, labels: np.ndarray) -> None:
    order = np.argsort(-softmax(logits).max(axis=1))
    wrong = (logits.argmax(axis=1) != labels)[order]
    risks = wrong.cumsum() / np.arange(1, 61)
    best = np.sort(wrong).cumsum() / np.arange(1, 61)

    assert metrics.area_under_risk_coverage(logits, labels) == pytest.approx(risks.mean())
    assert metrics.excess_area_under_risk_coverage(logits, labels) == pytest.approx(risks.mean() - best.mean())
    assert metrics.risk_at_coverage(logits, labels, 0.5) == pytest.approx(risks[29])
    assert metrics.coverage_at_risk(logits, labels, 0.1) == pytest.approx((np.flatnonzero(risks <= 0.1)[-1] + 1) / 60)


def test_generalized_area_is_that_of_its_closed_form(logits: np.ndarray, labels: np.ndarray) -> None:
    right = logits.argmax(axis=1) == labels
    auroc, accuracy = roc_auc_score(right, softmax(logits).max(axis=1)), right.mean()

    expected = (1 - auroc) * accuracy * (1 - accuracy) + (1 - accuracy) ** 2 / 2

    assert metrics.generalized_area_under_risk_coverage(logits, labels) == pytest.approx(expected)


def test_detection_is_scikit_learns() -> None:
    inside, outside = np.random.default_rng(4).normal(size=(2, 50)) + np.array([[1.0], [0.0]])
    scores, truth = np.concatenate([inside, outside]), np.repeat([1, 0], 50)

    found = metrics.detection(inside, outside)

    assert found.auroc == pytest.approx(roc_auc_score(truth, scores))
    assert found.aupr == pytest.approx(average_precision_score(truth, scores))
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert found.fpr95 == pytest.approx(false[np.flatnonzero(true >= 0.95)[0]])
    assert metrics.rank_correlation(inside, outside) == pytest.approx(spearmanr(inside, outside).statistic)
    assert metrics.true_positive_rate(inside, outside, 0.1) == pytest.approx(true[np.flatnonzero(false <= 0.1)[-1]])


def test_groups_may_be_named() -> None:
    predicted, labels, names = [0, 1, 1, 1, 0, 0], [0, 1, 1, 0, 0, 1], ["x", "x", "x", "y", "y", "y"]

    assert metrics.demographic_parity_difference(predicted, names) == pytest.approx(1 / 3)
    assert metrics.equalised_odds_difference(predicted, labels, names) == 1


def test_cka_of_centred_features_by_its_formula() -> None:
    first, second = (np.random.default_rng(seed).normal(size=(40, size)) for seed, size in ((5, 6), (6, 4)))
    x, y = first - first.mean(axis=0), second - second.mean(axis=0)

    expected = np.linalg.norm(x.T @ y) ** 2 / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)

    assert metrics.linear_cka(first, second) == pytest.approx(expected)


def test_parts_of_knowledge_are_all_images(logits: np.ndarray, labels: np.ndarray) -> None:
    parts = metrics.knowledge_parts(logits, logits[::-1], labels)

    assert sum(parts.values()) == pytest.approx(1)
    assert parts["retained"] + parts["lost"] == pytest.approx(metrics.accuracy(logits, labels))


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.jensen_shannon([[0.0, 1.0]], [[0.0, 1.0, 2.0]]),
        lambda: metrics.non_target_correlation([[0.0, 1.0]], [[0.0, 1.0]], [0]),
        lambda: metrics.logit_regression([[0.0, 1.0]], [[0.0, 1.0]] * 2),
        lambda: metrics.risk_at_coverage([[0.0, 1.0]], [0], coverage=0),
        lambda: metrics.coverage_at_risk([[0.0, 1.0]], [0], risk=2),
        lambda: metrics.detection([], [1.0]),
        lambda: metrics.detection([float("nan")], [1.0]),
        lambda: metrics.rank_correlation([1.0], [1.0, 2.0]),
        lambda: metrics.demographic_parity_difference([0, 1], ["a"]),
        lambda: metrics.linear_cka([[1.0], [2.0]], [[1.0]]),
        lambda: metrics.mutual_neighbours([[1.0], [2.0]], [[1.0], [2.0]], 2),
        lambda: metrics.boundary_iou([[0, 1]], [[0, 1, 1]]),
        lambda: metrics.shape_bias([0, 1], [0], [1, 0]),
        lambda: metrics.share_taken_over([1.0], [1.0, 2.0], [1.0]),
        lambda: metrics.knowledge_parts([0, 1], [0], [0, 1]),
    ],
)
def test_what_does_not_fit_is_an_error_in_one_line(call: Callable[[], object]) -> None:
    with pytest.raises(BadInputError) as caught:
        call()

    assert "\n" not in str(caught.value)
