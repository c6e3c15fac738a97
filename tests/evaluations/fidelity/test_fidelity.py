from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import cohen_kappa_score

from robustkd.data import Dataset
from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.fidelity.consistency import error_consistency
from robustkd.models import ModelPool
from robustkd.statistics.intervals import wilson

from ...conftest import network


def test_agreement_and_divergence_are_those_of_numpy_and_scipy(
    pool: ModelPool, data: Dataset, predict_as: Callable
) -> None:
    random = np.random.default_rng(0)
    logits = {member.name: random.normal(0, 2, (40, 3)).astype(np.float32) for member in pool}

    evaluation = EVALUATIONS["fidelity"]()
    frame = evaluation.summarise(evaluation.measure(pool, data, predict_as(logits, data.test.labels.numpy())))

    values = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    p = softmax(logits["teacher"].astype(float), axis=1)
    for name in ("baseline", "at", "sp"):
        q = softmax(logits[name].astype(float), axis=1)
        assert values["agreement", name] == pytest.approx((p.argmax(1) == q.argmax(1)).mean())
        assert values["kl", name] == pytest.approx(entropy(p, q, axis=1).mean())
    for metric in ("agreement", "kl"):
        excess = values[metric, "at"] - values[metric, "baseline"]
        assert values[f"{metric}_excess", "at"] == pytest.approx(excess)


def test_the_teacher_is_not_compared_with_itself(pool: ModelPool, data: Dataset, predict_as: Callable) -> None:
    logits = {member.name: np.eye(3)[np.arange(40) % 3] for member in pool}

    records = EVALUATIONS["fidelity"]().measure(pool, data, predict_as(logits, data.test.labels.numpy()))

    assert list(records.members["role"]) == ["baseline", "student", "student"]


@given(st.integers(0, 2**31), st.floats(0.1, 0.9), st.floats(0.1, 0.9))
def test_error_consistency_is_cohens_kappa(seed: int, p_1: float, p_2: float) -> None:
    random = np.random.default_rng(seed)
    correct_1, correct_2 = random.random(50) < p_1, random.random(50) < p_2

    found = error_consistency(correct_1, correct_2)

    assert found == pytest.approx(cohen_kappa_score(correct_1, correct_2), nan_ok=True)


def test_networks_that_err_alike_on_every_image_are_not_known_to_do_so_on_others(
    data: Dataset, pool: ModelPool, predict_as: Callable
) -> None:
    labels = data.test.labels.numpy()
    half = np.eye(3)[np.where(np.arange(len(labels)) % 2, labels, (labels + 1) % 3)]

    evaluation = EVALUATIONS["fidelity"]()
    frame = evaluation.summarise(
        evaluation.measure(pool, data, predict_as({member.name: half for member in pool}, labels))
    )

    row = frame[frame["level"] == "method"].set_index(["metric", "member"]).loc[("error_consistency", "at")]
    # at accuracies of one half κ is 2·observed − 1
    assert (row["value"], row["ci_low"], row["ci_high"]) == pytest.approx(
        (1, 2 * wilson(len(labels), len(labels)).low - 1, 1)
    )


def test_error_consistency_of_two_perfect_networks_is_absent() -> None:
    assert np.isnan(error_consistency(np.ones(5, dtype=bool), np.ones(5, dtype=bool)))


def test_without_a_baseline_the_headline_draws_no_conclusion(data: Dataset, predict_as: Callable) -> None:
    pool = ModelPool(network(0), students={"at": network(1)})
    logits = {member.name: np.eye(3)[np.arange(40) % 3] for member in pool}

    evaluation = EVALUATIONS["fidelity"]()
    frame = evaluation.summarise(evaluation.measure(pool, data, predict_as(logits, data.test.labels.numpy())))

    (sentence,) = evaluation.headline(frame)
    assert "100.0%" in sentence
    assert "without an independent baseline" in sentence


def test_it_refuses_a_pool_without_a_teacher(data: Dataset, predict_as: Callable) -> None:
    with pytest.raises(EvaluationError, match="teacher"):
        EVALUATIONS["fidelity"]().measure(ModelPool(students={"at": network(1)}), data, predict_as({}, np.zeros(0)))


def test_where_error_consistency_is_not_defined_a_note_says_why(
    pool: ModelPool, data: Dataset, predict_as: Callable
) -> None:
    labels = data.test.labels.numpy()
    right = np.eye(3)[labels]
    logits = {member.name: right for member in pool} | {"sp": np.roll(right, 1, axis=1)}

    records = EVALUATIONS["fidelity"]().measure(pool, data, predict_as(logits, labels))

    assert (
        "Error consistency of baseline and at is not defined: like the teacher, it is right on every image"
        in records.notes
    )
    assert "Agreement where the teacher is wrong is left out: it is right on every image" in records.notes
