from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from robustkd.data import Dataset
from robustkd.evaluations import EVALUATIONS
from robustkd.models import ModelPool


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_accuracy_and_likelihood_are_those_of_scikit_learn(
    pool: ModelPool, data: Dataset, predict_as: Callable
) -> None:
    random = np.random.default_rng(0)
    logits = {member.name: random.normal(0, 2, (40, 3)) for member in pool}
    labels = data.test.labels.numpy()

    evaluation = EVALUATIONS["generalization"]()
    frame = evaluation.summarise(evaluation.measure(pool, data, predict_as(logits, labels)))

    values = frame[frame["level"] == "network"].set_index(["metric", "member"])["value"]
    for name, z in logits.items():
        z32 = z.astype(np.float32).astype(float)
        assert values["accuracy", name] == pytest.approx(accuracy_score(labels, z32.argmax(1)))
        assert values["nll", name] == pytest.approx(log_loss(labels, softmax(z32), labels=[0, 1, 2]), abs=1e-9)


def test_the_headline_names_each_student_and_its_gain(pool: ModelPool, data: Dataset, predict_as: Callable) -> None:
    labels = data.test.labels.numpy()
    right, wrong = np.eye(3)[labels] * 5, np.eye(3)[(labels + 1) % 3] * 5
    logits = {"teacher": right, "baseline": wrong, "at": right, "sp": wrong}

    evaluation = EVALUATIONS["generalization"]()
    frame = evaluation.summarise(evaluation.measure(pool, data, predict_as(logits, labels)))

    assert evaluation.headline(frame) == [
        "The at network classifies 100.0% of the test images correctly, +100.0 points [+82.5, +100.0] against the "
        "independent baseline: a significant difference between these networks.",
        "The sp network classifies 0.0% of the test images correctly, +0.0 points [−8.8, +8.8] against the independent "
        "baseline: no significant difference between these networks.",
    ]
