import warnings
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from cleanlab.count import estimate_joint
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_score, recall_score, roc_auc_score
from sklearn.model_selection import cross_val_predict

from robustkd.errors import EvaluationError
from robustkd.evaluations.label_noise.audit import (
    agreement_beyond_chance,
    audit,
    auroc,
    detection,
    estimation,
    never_flagged,
    transition_error,
    transition_matrix,
)
from robustkd.evaluations.label_noise.judged_labels import read_judged_labels
from robustkd.statistics.intervals import wilson
from robustkd.statistics.resampling import resampled


def of_noisy_labels(count: int = 600, classes: int = 4, rate: float = 0.25, seed: int = 0):
    """True labels, given labels, and probabilities of a network that is usually right."""
    random = np.random.default_rng(seed)
    true = random.integers(0, classes, count)
    given = np.where(random.random(count) < rate, (true + 1) % classes, true)
    logits = random.normal(0, 1, (count, classes)) + 3 * np.eye(classes)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return true, given, probabilities


def test_judgements_are_those_of_cleanlab() -> None:
    _, given, probabilities = of_noisy_labels()

    found = audit(given, probabilities)

    joint = estimate_joint(given, probabilities)
    np.testing.assert_allclose(found.quality, get_label_quality_scores(given, probabilities))
    assert found.noise_rate == pytest.approx(1 - np.trace(joint))
    np.testing.assert_allclose(found.transition, (joint / joint.sum(axis=0)).T)
    np.testing.assert_array_equal(found.flagged, find_label_issues(given, probabilities, n_jobs=1))


def test_wrong_labels_are_found_and_their_pattern_is_estimated() -> None:
    true, given, probabilities = of_noisy_labels(4000)

    found = audit(given, probabilities)
    scores = detection(found.quality, given != true, found.flagged).statistics(np.ones((1, 4000)))

    assert scores["audit_auroc"] > 0.9
    assert found.noise_rate == pytest.approx(0.25, abs=0.03)
    assert transition_error(found.transition, transition_matrix(true, given, 4)) < 0.05


def test_scores_are_those_of_scikit_learn() -> None:
    true, given, probabilities = of_noisy_labels()
    found = audit(given, probabilities)
    quality = found.quality.round(2)  # with ties

    scores = detection(quality, given != true, found.flagged).statistics(np.ones((1, 600)))

    assert scores["audit_auroc"][0] == pytest.approx(roc_auc_score(given != true, -quality))
    assert scores["audit_precision"][0] == pytest.approx(precision_score(given != true, found.flagged))
    assert scores["audit_recall"][0] == pytest.approx(recall_score(given != true, found.flagged))


def test_estimates_are_cleanlabs_of_the_images_drawn() -> None:
    true, given, probabilities = of_noisy_labels()
    often = np.random.default_rng(1).integers(0, 3, (2, 600))

    found = estimation(given, true, probabilities).statistics(often)

    for row, counts in enumerate(often):
        drawn = np.repeat(np.arange(600), counts)
        joint = estimate_joint(given[drawn], probabilities[drawn])
        truth = confusion_matrix(true[drawn], given[drawn], normalize="true")
        assert found["estimated_rate"][row] == pytest.approx(1 - np.trace(joint))
        distance = np.abs((joint / joint.sum(axis=0)).T - truth).sum(axis=1) / 2
        assert found["transition_error"][row] == pytest.approx(distance.mean())


@pytest.mark.parametrize(("wrong", "rare"), [(8, 8), (32, 8)])
def test_a_perfect_area_is_as_sure_as_the_rarer_kind_of_labels_allows(wrong: int, rare: int) -> None:
    is_wrong = np.arange(40) < wrong

    found = resampled([detection(~is_wrong * 1.0, is_wrong, is_wrong)], 40)["audit_auroc"]

    assert found.of_network(0)[0] == pytest.approx(wilson(rare, rare))


def test_an_image_that_counts_twice_is_as_good_as_two() -> None:
    random = np.random.default_rng(3)
    quality, wrong, counts = random.random(50).round(1), random.random(50) < 0.4, random.integers(0, 3, 50)

    weighted = auroc(quality, wrong, counts[None].astype(np.float32))

    assert weighted[0] == pytest.approx(roc_auc_score(np.repeat(wrong, counts), -np.repeat(quality, counts)))


def test_cross_fitted_probabilities_of_another_classifier_can_be_audited() -> None:
    from sklearn.datasets import load_digits

    images, true = load_digits(return_X_y=True)
    random = np.random.default_rng(0)
    given = np.where(random.random(len(true)) < 0.2, random.integers(0, 10, len(true)), true)
    fitted = cross_val_predict(LogisticRegression(max_iter=200), images / 16, given, cv=3, method="predict_proba")

    found = audit(given, fitted)

    assert roc_auc_score(given != true, -found.quality) > 0.9
    assert found.noise_rate == pytest.approx((given != true).mean(), abs=0.05)


def test_published_probabilities_of_cifar10s_test_set_find_the_published_suspects(
    human_labels: Path, data_root: Path
) -> None:
    with np.load(data_root / "cifar10.npz") as archive:
        labels = archive["y_test"].astype(np.int64)
    probabilities = np.load(human_labels / "cifar10_cleanlab_cvprobs.npy")
    people = read_judged_labels(human_labels / "cifar10_label_errors_mturk.npy", labels)

    found = audit(labels, probabilities)

    assert found.flagged.sum() == pytest.approx(275, abs=10)
    assert (found.flagged & people.judged).sum() / people.judged.sum() > 0.85


def test_without_wrong_labels_or_without_right_ones_there_is_no_area() -> None:
    quality = np.array([0.1, 0.9])

    for wrong in (np.zeros(2, dtype=bool), np.ones(2, dtype=bool)):
        assert np.isnan(auroc(quality, wrong, np.ones((3, 2)))).all()


def test_classes_that_no_label_names_are_absent_and_nothing_warns() -> None:
    _, given, probabilities = of_noisy_labels(classes=3)
    wider = np.concatenate([probabilities * 0.9, np.full((600, 1), 0.1)], axis=1)
    sure_of_the_absent = np.tile([0.0, 0.0, 0.0, 1.0], (600, 1))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = audit(given, wider)
        unsure = audit(given, sure_of_the_absent)
        single = audit(np.zeros(5, dtype=np.int64), np.tile([0.7, 0.3], (5, 1)))

    assert np.isnan(found.transition[3]).all()
    np.testing.assert_allclose(found.transition[:3, :3], audit(given, probabilities).transition)
    assert np.isfinite(unsure.noise_rate)
    assert single.noise_rate == 0
    assert not single.flagged.any()


def test_the_only_label_of_a_class_is_never_flagged_however_wrong_and_nothing_warns() -> None:
    _, given, probabilities = of_noisy_labels(classes=3)
    improbable = np.array([[0.99, 0.005, 0.0, 0.005]])
    wider = np.concatenate([np.hstack([probabilities, np.zeros((600, 1))]), improbable])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = audit(np.append(given, 3), wider)

    assert not found.flagged[-1]
    assert never_flagged(np.append(given, 3)).tolist() == [3]
    assert never_flagged(np.append(given, [3, 3])).tolist() == []
    assert never_flagged(np.array([1, 1])).tolist() == [1]


def test_transition_matrices_are_counted_by_hand() -> None:
    true, given = np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, 2, 1, 0])

    counted = transition_matrix(true, given, 3)

    np.testing.assert_array_equal(counted, [[0.5, 0.25, 0.25], [0.5, 0.5, 0], [np.nan] * 3])
    # rows 0 and 1 against the identity: (0.5 + 0.25 + 0.25)/2 and (0.5 + 0.5)/2
    assert transition_error(np.eye(3), counted) == pytest.approx(0.5)
    assert np.isnan(transition_error(np.eye(3), np.full((3, 3), np.nan)))


@pytest.mark.parametrize(
    ("labels", "probabilities", "said"),
    [
        (np.array([0, 1]), np.array([[0.5, 0.5]]), "got"),
        (np.array([0, 2]), np.full((2, 2), 0.5), "from 0 to 1"),
        (np.array([0.0, 1.0]), np.full((2, 2), 0.5), "whole numbers"),
        (np.array([0, 1]), np.array([[0.5, 0.5], [np.nan, 1]]), "finite"),
        (np.array([0, 1]), np.array([[2.0, -1.0], [3.0, 0.5]]), "logits"),
        (np.array([], dtype=int), np.empty((0, 2)), "got"),
    ],
)
def test_what_is_not_a_probability_of_these_labels_is_refused(
    labels: np.ndarray, probabilities: np.ndarray, said: str
) -> None:
    with pytest.raises(EvaluationError, match=said):
        audit(labels, probabilities)


def test_agreement_beyond_chance_is_that_of_all_permutations() -> None:
    true, given = np.array([0, 0, 0, 0, 1, 1, 1]), np.array([1, 2, 1, 2, 0, 2, 1])
    predicted = np.array([1, 2, 0, 1, 0, 2, 1])
    agreements = [
        (np.array(first) == predicted[:4]).sum() + (np.array(second) == predicted[4:6]).sum()
        for first in permutations(given[:4])
        for second in permutations(given[4:6])
    ]

    found = agreement_beyond_chance(true, given, predicted)

    # the wrong labels agree four times; the last label is right and takes no part
    assert found == pytest.approx((4 - np.mean(agreements)) / np.std(agreements))


def test_only_a_network_that_saw_wrong_labels_agrees_with_them_beyond_chance() -> None:
    true, given, _ = of_noisy_labels(2000)
    random = np.random.default_rng(1)
    given = np.where(given != true, (true + random.integers(1, 4, 2000)) % 4, true)
    guess = random.integers(0, 4, 2000)

    assert abs(agreement_beyond_chance(true, given, guess)) < 3
    assert agreement_beyond_chance(true, given, np.where(random.random(2000) < 0.3, given, guess)) > 4
    assert agreement_beyond_chance(true, true, guess) == 0
    assert agreement_beyond_chance(true, given, true) == 0
