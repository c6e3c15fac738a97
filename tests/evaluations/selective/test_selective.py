import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from robustkd.data import Dataset
from robustkd.evaluations import EVALUATIONS
from robustkd.evaluations.selective.observed import observed
from robustkd.evaluations.selective.risk_coverage import (
    Curve,
    area,
    coverage_at,
    curve,
    generalized_area,
    least_area,
    ranking,
    risk_at,
)
from robustkd.models import ModelPool

from ...conftest import network


def curve_of(confidence: np.ndarray, correct: np.ndarray) -> Curve:
    return curve(ranking(confidence, correct), np.ones((1, len(correct))))


def risks_in_order(confidence: np.ndarray, correct: np.ndarray) -> list[float]:
    """The error rate among the k most confident images, image by image."""
    order = sorted(range(len(correct)), key=lambda image: -confidence[image])
    errors, risks = 0, []
    for place, image in enumerate(order, start=1):
        errors += not correct[image]
        risks.append(errors / place)
    return risks


def test_the_areas_of_four_images_by_hand() -> None:
    confidence, correct = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, True])

    seen = curve_of(confidence, correct)

    # risks 0, 1/2, 1/3, 1/4; in the best order 0, 0, 0, 1/4; errors 0, 1, 1, 1 of 4 by trapezoids
    assert area(seen)[0] == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 4)
    assert least_area(seen)[0] == pytest.approx((1 / 4) / 4)
    assert generalized_area(seen)[0] == pytest.approx((0.5 + 1 + 1) / 16)
    np.testing.assert_allclose(risk_at(seen, (0.25, 0.5, 0.75, 1)), [[0, 1 / 2, 1 / 3, 1 / 4]])
    assert coverage_at(seen, 0.25)[0] == 1
    assert coverage_at(seen, 0.05)[0] == 0.25


@given(st.integers(0, 2**31), st.integers(2, 60), st.floats(0.05, 0.95))
def test_the_areas_are_those_of_a_loop_over_images(seed: int, images: int, accuracy: float) -> None:
    random = np.random.default_rng(seed)
    confidence, correct = random.random(images), random.random(images) < accuracy

    seen = curve_of(confidence, correct)

    risks = risks_in_order(confidence, correct)
    assert area(seen)[0] == pytest.approx(np.mean(risks))
    assert least_area(seen)[0] == pytest.approx(np.mean(risks_in_order(correct.astype(float), correct)))
    kept = [place / images for place, risk in enumerate(risks, start=1) if risk <= 0.25]
    assert coverage_at(seen, 0.25)[0] == pytest.approx(max(kept, default=0))


@given(st.integers(0, 2**31), st.integers(4, 60), st.integers(2, 20))
def test_the_generalized_area_follows_from_accuracy_and_auroc(seed: int, images: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    confidence, correct = random.integers(0, levels, images) / levels, random.random(images) < 0.6
    correct[:2] = True, False

    found = generalized_area(curve_of(confidence, correct))[0]

    wrong = 1 - correct.mean()
    auroc = roc_auc_score(correct, confidence)
    assert found == pytest.approx((1 - auroc) * (1 - wrong) * wrong + wrong**2 / 2)


@given(st.integers(0, 2**31), st.integers(2, 8))
def test_images_of_equal_confidence_are_accepted_in_random_order(seed: int, images: int) -> None:
    random = np.random.default_rng(seed)
    confidence, correct = random.integers(0, 2, images).astype(float), random.random(images) < 0.5

    found = area(curve_of(confidence, correct))[0]

    # the mean over many orders of the images
    orders = [
        np.mean(risks_in_order(confidence + 1e-6 * np.random.default_rng(order).random(images), correct))
        for order in range(1500)
    ]
    assert found == pytest.approx(np.mean(orders), abs=5 * np.std(orders) / np.sqrt(len(orders)) + 1e-9)


@given(st.integers(0, 2**31), st.integers(2, 40))
def test_an_image_that_counts_twice_is_two_images(seed: int, images: int) -> None:
    random = np.random.default_rng(seed)
    confidence, correct = random.integers(0, 30, images) / 30, random.random(images) < 0.7
    weights = np.bincount(random.integers(0, images, images), minlength=images)

    weighted = observed(confidence, correct).statistics(weights[None])
    repeated = observed(np.repeat(confidence, weights), np.repeat(correct, weights)).statistics(np.ones((1, images)))

    for name, value in repeated.items():
        assert weighted[name] == pytest.approx(value), name


def test_a_network_that_is_unsure_of_its_errors_has_no_excess(
    data: Dataset, pool: ModelPool, predict_as: Callable
) -> None:
    labels = data.test.labels.numpy()
    right, unsure = 5 * np.eye(3)[labels], np.eye(3)[(labels + 1) % 3]
    errors = np.arange(len(labels)) % 4 == 0
    ordered = np.where(errors[:, None], unsure, right)
    same = np.where(errors[:, None], 5 * unsure, right)
    logits = {"teacher": right, "baseline": same, "at": ordered, "sp": same}

    evaluation = EVALUATIONS["selective"]()
    frame = evaluation.summarise(evaluation.measure(pool, data, predict_as(logits, labels)))

    values = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    # all confidences of the baseline are equal, so its risk is a quarter at every coverage
    assert values["aurc", "baseline"] == pytest.approx(0.25)
    assert values["augrc", "baseline"] == pytest.approx(0.125)
    assert values["risk_at_80", "baseline"] == pytest.approx(0.25)
    assert values["excess_aurc", "at"] == 0
    # the first 30 images are right, and one error more keeps to 5 %: 1/31
    assert values["coverage_at_5", "at"] == pytest.approx(31 / 40)
    assert values["risk_at_80", "at"] == pytest.approx(2 / 32)
    assert values["aurc_difference", "at"] == pytest.approx(values["aurc", "at"] - 0.25)
    assert values["aurc_difference", "sp"] == 0


def test_a_perfect_network_may_err_on_other_images(data: Dataset, pool: ModelPool, predict_as: Callable) -> None:
    labels = data.test.labels.numpy()
    logits = {member.name: np.eye(3)[labels] for member in pool}

    evaluation = EVALUATIONS["selective"]()
    records = evaluation.measure(pool, data, predict_as(logits, labels))
    frame = evaluation.summarise(records)

    row = frame[frame["level"] == "method"].set_index(["metric", "member"]).loc[("aurc", "at")]
    assert (row["value"], row["ci_low"]) == (0, 0)
    assert row["ci_high"] > 0
    assert records.notes == (
        "teacher, baseline, at and sp keep to a risk of 5% without abstaining, so the coverage at this risk is 100%",
    )


def test_a_network_that_is_always_wrong_is_covered_nowhere(
    data: Dataset, pool: ModelPool, predict_as: Callable
) -> None:
    labels = data.test.labels.numpy()
    logits = {member.name: np.eye(3)[(labels + 1) % 3] for member in pool}

    evaluation = EVALUATIONS["selective"]()
    frame = evaluation.summarise(evaluation.measure(pool, data, predict_as(logits, labels)))

    values = frame[frame["level"] == "method"].set_index(["metric", "member"])["value"]
    assert (values["coverage_at_5", "at"], values["aurc", "at"], values["excess_aurc", "at"]) == (0, 1, 0)


def test_the_curve_ends_at_the_error_rate(data: Dataset, pool: ModelPool, predict_as: Callable) -> None:
    random, labels = np.random.default_rng(0), data.test.labels.numpy()
    logits = {member.name: random.normal(0, 1, (40, 3)) + 2 * np.eye(3)[labels] for member in pool}

    evaluation = EVALUATIONS["selective"]()
    frame = evaluation.summarise(evaluation.measure(pool, data, predict_as(logits, labels)))

    last = frame[(frame["level"] == "detail") & (frame["strength"] == 1)].set_index("member")["value"]
    assert last["at"] == pytest.approx((logits["at"].argmax(1) != labels).mean())
    assert json.dumps(evaluation.chart(frame).to_dict(), allow_nan=False)


def test_without_a_baseline_the_headline_draws_no_conclusion(data: Dataset, predict_as: Callable) -> None:
    labels = data.test.labels.numpy()
    pool = ModelPool(students={"at": network(1)})

    evaluation = EVALUATIONS["selective"]()
    frame = evaluation.summarise(
        evaluation.measure(pool, data, predict_as({"at": np.eye(3)[(labels + 1) % 3]}, labels))
    )

    assert evaluation.headline(frame) == [
        "The AURC of the at network, its error rate averaged over all coverages, is 100.0%; there is no independent "
        "baseline to compare it with."
    ]
