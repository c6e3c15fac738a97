import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import roc_auc_score, roc_curve

from robustkd.evaluations.membership.attack import leaks, lira_scores, scaled_confidence
from robustkd.results.predictions import Predictions


def once(count: int) -> np.ndarray:
    return np.ones((1, count))


@given(st.integers(0, 2**31), st.floats(0, 2), st.sampled_from([0.001, 0.05, 0.3]))
def test_the_rates_are_those_of_sklearn(seed: int, shift: float, allowed: float) -> None:
    random = np.random.default_rng(seed)
    members, others = random.normal(shift, 1, 60).round(1), random.normal(0, 1, 80).round(1)

    found = leaks("loss", members, others, allowed).statistics(once(140))

    truth, scores = np.arange(140) < 60, np.concatenate([members, others])
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert found["loss_auc"][0] == pytest.approx(roc_auc_score(truth, scores))
    assert found["loss_tpr"][0] == pytest.approx(true[false <= allowed].max())


def test_an_image_that_counts_twice_is_there_twice() -> None:
    members, others = np.array([3.0, 1.0]), np.array([2.0, 0.0])

    found = leaks("loss", members, others, 0.1).statistics(np.array([[2.0, 1.0, 1.0, 3.0]]))

    # pairs: 3 against 2 and 0: 2·(1 + 3) won; 1 against 2 lost, against 0: 3 won; of 3·4 pairs
    assert found["loss_auc"][0] == pytest.approx(11 / 12)
    assert found["loss_tpr"][0] == pytest.approx(2 / 3)


def test_the_scaled_confidence_is_the_logit_of_the_probability() -> None:
    logits = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, -1.0]], dtype=np.float32)
    p = softmax(logits, axis=1)[[0, 1], [0, 2]]

    assert scaled_confidence(Predictions(logits, np.array([0, 2]))) == pytest.approx(np.log(p / (1 - p)))


def test_even_a_certain_answer_has_a_finite_scaled_confidence() -> None:
    logits = np.array([[200.0, 0.0, 0.0]], dtype=np.float32)

    assert scaled_confidence(Predictions(logits, np.array([0]))) == pytest.approx([200 - np.log(2)])


def test_lira_subtracts_the_mean_of_the_other_references() -> None:
    members, others = np.array([[5.0, 4.0], [1.0, 2.0], [3.0, 2.0]]), np.array([[0.0], [2.0], [4.0]])

    inside, outside = lira_scores(members, others, np.array([1, 2]))

    assert inside.tolist() == [[3, 2], [-2, 0], [2, 0]]
    assert outside.tolist() == [[-3], [-2], [2]]


def test_lira_orders_images_as_the_likelihood_ratio_with_one_variance_does() -> None:
    from scipy.stats import norm

    random = np.random.default_rng(0)
    confidences = random.normal(0, 1, (4, 50))

    inside, _ = lira_scores(confidences, confidences, np.array([1, 2, 3]))

    spread = np.sqrt(confidences[1:].var(axis=0, ddof=1).mean())
    likelihood = 1 - norm.sf(confidences[0], confidences[1:].mean(axis=0), spread)
    assert np.argsort(inside[0]).tolist() == np.argsort(likelihood).tolist()


def test_a_network_without_another_reference_has_no_score() -> None:
    inside, outside = lira_scores(np.zeros((2, 3)), np.zeros((2, 4)), np.array([1]))

    assert np.isnan(inside[1]).all()
    assert np.isnan(leaks("lira", inside[1], outside[1], 0.1).statistics(once(7))["lira_auc"]).all()
    assert not np.isnan(inside[0]).any()
