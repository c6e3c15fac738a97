from pathlib import Path

import numpy as np
import pytest

from robustkd.data import Dataset
from robustkd.evaluations import EVALUATIONS
from robustkd.models import ModelPool
from robustkd.results.predictions import PredictionCache, Predictions
from robustkd.results.validity import above_chance
from robustkd.studies.measuring import measure


def predictions(labels: np.ndarray, answers: np.ndarray) -> Predictions:
    return Predictions(np.eye(3, dtype=np.float32)[answers], labels)


@pytest.mark.parametrize(("right", "passed"), [(99, True), (45, True), (36, False), (0, False)])
def test_a_network_that_guesses_among_equal_classes_fails_the_check(right: int, passed: bool) -> None:
    """A third of 99 images is 33; the lower end of Wilson's interval is 0.276 for 36 and 0.360 for 45."""
    labels = np.arange(99) % 3

    answers = np.where(np.arange(99) < right, labels, (labels + 1) % 3)

    assert above_chance("member", predictions(labels, answers)).passed is passed


@pytest.mark.parametrize(("right_on_rare", "passed"), [(0, False), (2, False), (10, True)])
def test_a_network_that_always_answers_the_largest_class_fails_the_check(right_on_rare: int, passed: bool) -> None:
    """It is right on 90 of 100, far more than a third."""
    labels = np.repeat([0, 1], [90, 10])

    answers = np.where(np.arange(100) < 90 + right_on_rare, labels, 0)
    check = above_chance("member", predictions(labels, answers))

    assert check.passed is passed
    assert "always answering the largest class is right on 90" in check.detail


QUICK = {
    "transferability": {"steps": 1, "images": 5, "white_box": ()},
    "corruption": {"corruptions": ("contrast",), "severities": (1,), "images": 5},
}


@pytest.mark.parametrize("name", EVALUATIONS.names())
def test_every_evaluation_asks_first_whether_all_networks_do_better_than_guessing(
    name: str, pool: ModelPool, data: Dataset, tmp_path: Path
) -> None:
    evaluation = EVALUATIONS[name](EVALUATIONS[name].Options(**QUICK.get(name, {})))

    part = measure(evaluation, pool, data, PredictionCache(data), tmp_path)

    asked = [check for check in part.records.checks if check.name == "better than chance"]
    assert [check.member for check in asked] == ["teacher", "baseline", "at", "sp"]
    assert all(check.metrics == () for check in asked)  # no number of a network that guesses can be trusted
