"""The pure functions of fidelity, each against an independent implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.special import softmax
from scipy.stats import entropy, spearmanr

from robustkd.evaluations.fidelity.class_groups import thirds
from robustkd.evaluations.fidelity.consistency import probabilistic_consistency
from robustkd.evaluations.fidelity.divergences import (
    group_divergences,
    jensen_shannon,
    kl_divergence,
    total_variation,
)
from robustkd.evaluations.fidelity.measurement import compared
from robustkd.evaluations.fidelity.ranks import non_target_correlation
from robustkd.results.predictions import Predictions

IMAGES, CLASSES = 20, 6


def two(seed: int) -> tuple[Predictions, Predictions]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, IMAGES)
    teacher, member = random.normal(0, 2, (2, IMAGES, CLASSES))
    return Predictions(teacher, labels), Predictions(member, labels)


@given(st.integers(0, 2**31))
def test_divergences_are_those_of_scipy(seed: int) -> None:
    teacher, member = two(seed)
    p, q = softmax(teacher.logits, axis=1), softmax(member.logits, axis=1)

    np.testing.assert_allclose(kl_divergence(teacher, member), entropy(p, q, axis=1))
    np.testing.assert_allclose(jensen_shannon(teacher, member), jensenshannon(p, q, axis=1) ** 2)
    expected = [max((a[chosen] - b[chosen]).sum() for chosen in [a > b]) for a, b in zip(p, q, strict=True)]
    np.testing.assert_allclose(total_variation(teacher, member), expected)


def test_divergences_of_networks_that_are_sure_are_finite() -> None:
    labels = np.zeros(1, dtype=np.int64)
    teacher, member = Predictions(np.array([[300.0, 0, 0]]), labels), Predictions(np.array([[0, 300.0, 0]]), labels)

    assert jensen_shannon(teacher, member) == pytest.approx(np.log(2))
    assert total_variation(teacher, member) == pytest.approx(1)
    assert kl_divergence(teacher, member) == pytest.approx(300)


@given(st.integers(0, 2**31))
def test_the_divergence_is_the_sum_of_its_parts_across_and_within_groups(seed: int) -> None:
    teacher, member = two(seed)
    groups = [np.array([0, 3]), np.array([1]), np.array([2, 4, 5])]
    p, q = softmax(teacher.logits, axis=1), softmax(member.logits, axis=1)

    found = group_divergences(teacher, member, groups)

    np.testing.assert_allclose(found.sum(axis=0), entropy(p, q, axis=1))
    masses = [np.stack([each[:, group].sum(axis=1) for group in groups], axis=1) for each in (p, q)]
    np.testing.assert_allclose(found[0], entropy(*masses, axis=1), atol=1e-12)
    within = masses[0][:, 2] * entropy(p[:, groups[2]], q[:, groups[2]], axis=1)  # scipy scales both to sum to 1
    np.testing.assert_allclose(found[3], within, atol=1e-12)
    np.testing.assert_allclose(found[2], 0, atol=1e-12)


@given(st.integers(0, 2**31))
def test_the_rank_correlation_is_that_of_scipy_without_the_label(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, CLASSES, IMAGES)
    teacher, member = random.integers(0, 4, (2, IMAGES, CLASSES)).astype(float)  # with ties
    teacher[:, :2] += [0.25, 0.5]

    found = non_target_correlation(Predictions(teacher, labels), Predictions(member, labels))

    for image, label in enumerate(labels):
        own, other = (np.delete(each[image], label) for each in (teacher, member))
        expected = 0 if np.ptp(own) == 0 or np.ptp(other) == 0 else spearmanr(own, other).statistic
        assert found[image] == pytest.approx(expected, abs=1e-12)


def test_the_probabilistic_consistency_by_hand() -> None:
    # two images of three classes; the label is the first class
    p, q = np.array([[0.5, 0.5, 0.0], [0.8, 0.1, 0.1]]), np.array([[0.5, 0.25, 0.25], [0.6, 0.4, 0.0]])

    found = probabilistic_consistency((p * q).sum(axis=1), p[:, 0], q[:, 0], classes=3)

    observed = ((0.25 + 0.125) + (0.48 + 0.04)) / 2
    expected = 0.65 * 0.55 + 0.35 * 0.45 / 2
    assert found == pytest.approx((observed - expected) / (1 - expected))


@given(st.integers(0, 2**31), st.integers(2, 5))
def test_of_certain_predictions_the_probabilistic_consistency_counts_equal_answers(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, 50)
    one, two_ = (np.where(random.random(50) < 0.5, labels, random.integers(0, classes, 50)) for _ in range(2))

    found = probabilistic_consistency(
        (one == two_).astype(float), (one == labels).astype(float), (two_ == labels).astype(float), classes
    )

    right_1, right_2 = (one == labels).mean(), (two_ == labels).mean()
    expected = right_1 * right_2 + (1 - right_1) * (1 - right_2) / (classes - 1)
    assert found == pytest.approx(((one == two_).mean() - expected) / (1 - expected))


def test_two_networks_that_are_sure_of_every_label_have_no_probabilistic_consistency() -> None:
    assert np.isnan(probabilistic_consistency(np.ones(3), np.ones(3), np.ones(3), 10))
    assert np.isnan(probabilistic_consistency(np.ones(3), np.ones(3), np.ones(3), 1))


def test_thirds_of_classes_by_their_numbers_of_images() -> None:
    groups = thirds(np.array([10, 500, 40, 300, 20, 200, 30]))

    assert [sorted(group.tolist()) for group in groups] == [[1, 3], [2, 5, 6], [0, 4]]
    assert thirds(np.array([100, 90, 80])) == []
    assert thirds(np.array([100, 1])) == []


def test_images_are_compared_in_pieces_without_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    teacher, member = two(0)
    groups = [np.array([0, 1]), np.array([2, 3]), np.array([4, 5])]
    whole = compared(teacher, member, groups)

    monkeypatch.setattr("robustkd.evaluations.fidelity.measurement.NUMBERS_AT_ONCE", 7 * CLASSES)
    pieces = compared(teacher, member, groups)

    assert whole.keys() == pieces.keys()
    for name, seen in whole.items():
        np.testing.assert_allclose(pieces[name], seen, err_msg=name)
