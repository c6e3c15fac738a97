from pathlib import Path

import numpy as np
import pytest

from robustkd.data import Dataset
from robustkd.evaluations import EVALUATIONS
from robustkd.models import ModelPool
from robustkd.results.predictions import PredictionCache, Predictions
from robustkd.results.validity import above_chance
from robustkd.studies.measuring import measure


@pytest.mark.parametrize(("right", "passed"), [(100, True), (45, True), (36, False), (0, False)])
def test_a_network_that_guesses_fails_the_check(right: int, passed: bool) -> None:
    labels = np.zeros(100, dtype=np.int64)
    logits = np.eye(3, dtype=np.float32)[np.where(np.arange(100) < right, 0, 1)]

    assert above_chance("member", Predictions(logits, labels)).passed is passed


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
    assert all(check.metrics == () for check in asked)  # of a network that guesses, nothing is to be trusted
