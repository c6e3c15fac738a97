import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy, linregress

from robustkd.data import Dataset
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.confidence.exaggeration import centred_logits, log_odds, regression
from robustkd.models import ModelPool
from robustkd.results.records import Records

from ...conftest import network


@pytest.fixture
def logits(pool: ModelPool, data: Dataset) -> dict[str, np.ndarray]:
    random, labels = np.random.default_rng(0), data.test.labels.numpy()
    return {member.name: random.normal(0, 1, (40, 3)) + 2 * np.eye(3)[labels] for member in pool}


def measured(
    pool: ModelPool, data: Dataset, predict: Callable, options: object = None
) -> tuple[Records, pd.DataFrame, pd.Series]:
    evaluation = EVALUATIONS["confidence"](options)
    records = evaluation.measure(pool, data, predict)
    frame = evaluation.summarise(records)
    return records, frame, frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]


def test_a_centred_logit_does_not_depend_on_what_is_added_to_all_logits() -> None:
    logits = np.array([[3.0, 1.0, -1.0], [0.0, 6.0, 0.0]])

    assert centred_logits(logits, np.array([0, 1])).tolist() == [2, 4]
    assert centred_logits(logits + 7, np.array([0, 1])).tolist() == [2, 4]


def test_the_log_odds_of_a_class() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.25, 0.5, 0.25]])

    np.testing.assert_allclose(log_odds(np.log(probabilities), np.array([0, 1])), [np.log(4), 0], atol=1e-12)
    assert log_odds(np.array([[900.0, 0.0]]), np.array([0])) == [900]


def test_the_line_is_that_of_scipy_for_images_drawn_as_often_as_they_count() -> None:
    random = np.random.default_rng(1)
    x = random.normal(5, 2, 50)
    y = 1.3 * x - 2 + random.normal(0, 1, 50)
    weights = np.bincount(random.integers(0, 50, 50), minlength=50)

    found = regression(x, y).statistics(np.stack([np.ones(50), weights]))

    for place, counts in enumerate((np.ones(50, dtype=int), weights)):
        line = linregress(np.repeat(x, counts), np.repeat(y, counts))
        assert found["slope"][place] == pytest.approx(line.slope)
        assert found["offset"][place] == pytest.approx(line.intercept)


def test_a_student_that_doubles_the_teachers_logits_has_a_slope_of_two(
    pool: ModelPool, data: Dataset, predict_as: Callable, logits: dict[str, np.ndarray]
) -> None:
    logits |= {"at": 2 * logits["teacher"] + 3, "sp": logits["teacher"]}

    _, frame, values = measured(pool, data, predict_as(logits, data.test.labels.numpy()))

    assert values["slope", "at"] == pytest.approx(2, abs=1e-5)
    assert values["offset", "at"] == pytest.approx(0, abs=1e-5)
    assert values["slope", "sp"] == pytest.approx(1, abs=1e-5)
    assert values["slope_difference", "at"] == pytest.approx(2 - values["slope", "baseline"], abs=1e-5)
    curve = frame[frame["level"] == "detail"].pivot(index="strength", columns="member", values="value")
    np.testing.assert_allclose(curve["at"], 2 * curve["teacher"], rtol=1e-5)
    np.testing.assert_allclose(curve["teacher"], curve.index, rtol=1e-5)
    assert "teacher" not in values["slope"]
    assert json.dumps(EVALUATIONS["confidence"]().chart(frame).to_dict(), allow_nan=False)


def test_the_slope_to_a_shuffled_teacher_is_within_chance_of_zero(
    pool: ModelPool, data: Dataset, predict_as: Callable, logits: dict[str, np.ndarray]
) -> None:
    random = np.random.default_rng(3)
    logits |= {"teacher": random.normal(0, 1, (40, 3)), "at": random.normal(0, 1, (40, 3))}

    _, frame, _ = measured(pool, data, predict_as(logits, data.test.labels.numpy()))

    row = frame[frame["level"] == "method"].set_index(["metric", "member"]).loc[("slope", "at")]
    assert row["ci_low"] < 0 < row["ci_high"]


def test_entropy_is_that_of_scipy_and_confidence_where_wrong_that_of_a_loop(
    pool: ModelPool, data: Dataset, predict_as: Callable, logits: dict[str, np.ndarray]
) -> None:
    labels = data.test.labels.numpy()

    _, _, values = measured(pool, data, predict_as(logits, labels))

    for name in ("teacher", "baseline", "at"):
        exact = np.exp(logits[name].astype(np.float32).astype(float))
        p = exact / exact.sum(axis=1, keepdims=True)
        assert values["entropy", name] == pytest.approx(entropy(p, axis=1).mean())
        sure = [row.max() for row, label in zip(p, labels, strict=True) if row.argmax() != label]
        assert values["confidence_wrong", name] == pytest.approx(np.mean(sure))


def test_without_a_teacher_the_rest_is_measured(
    data: Dataset, predict_as: Callable, logits: dict[str, np.ndarray]
) -> None:
    pool = ModelPool(baseline=network(0), students={"at": network(1)})

    records, frame, values = measured(pool, data, predict_as(logits, data.test.labels.numpy()))

    assert records.notes == ("Slope and offset are left out: they need a teacher",)
    assert set(values.index.get_level_values(0)) == {
        "entropy",
        "entropy_difference",
        "confidence_wrong",
        "confidence_wrong_difference",
    }
    (sentence,) = EVALUATIONS["confidence"]().headline(frame)
    assert sentence.startswith("Where the at network is wrong, its mean confidence is ")
    assert EVALUATIONS["confidence"]().chart(frame).to_dict()


def test_a_network_without_errors_has_no_confidence_in_them(
    pool: ModelPool, data: Dataset, predict_as: Callable, logits: dict[str, np.ndarray]
) -> None:
    labels = data.test.labels.numpy()
    logits["at"] = np.eye(3)[labels]

    records, _, values = measured(pool, data, predict_as(logits, labels))

    assert np.isnan(values["confidence_wrong", "at"])
    assert not np.isnan(values["confidence_wrong", "sp"])
    assert records.notes == ("Confidence where wrong is not defined for at: every prediction is right",)


def test_a_constant_teacher_leaves_the_slope_undefined(
    pool: ModelPool, data: Dataset, predict_as: Callable, logits: dict[str, np.ndarray]
) -> None:
    logits["teacher"] = np.tile([1.0, 0.0, 0.0], (40, 1))

    records, frame, values = measured(pool, data, predict_as(logits, data.test.labels.numpy()))

    assert np.isnan(values["slope", "at"])
    assert "Slope and offset are not defined: the teacher has the same logit for every image" in records.notes
    assert EVALUATIONS["confidence"]().chart(frame).to_dict()
