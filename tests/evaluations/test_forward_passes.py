from collections import Counter
from pathlib import Path

import pytest

from robustkd.data import Dataset
from robustkd.evaluations import EVALUATIONS, measure, predictions
from robustkd.evaluations.predictions import PredictionCache
from robustkd.models import ModelPool

SMALL = {
    "transferability": {"steps": 1, "white_box": ()},
    "corruption": {"corruptions": ("contrast",), "severities": (1,)},
}


def test_each_member_predicts_each_split_once_whatever_the_number_of_evaluations(
    pool: ModelPool, data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: Counter[tuple[int, str]] = Counter()
    predict = predictions.predict

    def counted(model, images, *rest):
        passes[id(model), images.digest] += 1
        return predict(model, images, *rest)

    monkeypatch.setattr(predictions, "predict", counted)
    cache = PredictionCache(data)

    for name in ("generalization", "fidelity", "transferability", "corruption"):
        evaluation = EVALUATIONS[name]
        measure(evaluation(evaluation.Options(**SMALL.get(name, {}))), pool, data, cache, tmp_path)

    assert passes == {(id(member.model), data.test.digest): 1 for member in pool}
