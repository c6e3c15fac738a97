from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest

from robustkd.data import Dataset
from robustkd.errors import BadInputError
from robustkd.evaluations import Evaluation, Predict, Requirements
from robustkd.models import ModelPool
from robustkd.results.metric import Metric
from robustkd.results.records import Records, members_frame

from ..conftest import members

SURE = Metric("sure_enough", "Sure", "fraction", True, "Share of images with a probability above one half.")
GAIN = Metric("gain", "Sure against baseline", "points", True, "", difference_of="sure_enough")
POOL = members(
    *(("baseline", "baseline", "net", seed) for seed in (0, 1)), *(("student", "at", "net", s) for s in (0, 1))
)


class Sure(Evaluation):
    """Whether the networks are sure."""

    name = "how_sure"
    question = "Are they sure?"
    metrics = (SURE, GAIN)

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        probabilities = [np.exp(predict(member).log_probabilities) for member in pool]
        return Records(members_frame(pool), {"sure_enough": np.stack([p.max(axis=1) > 0.5 for p in probabilities])})


@pytest.fixture
def frame() -> pd.DataFrame:
    """The baseline is sure of 40 of 100 images, the student of 90."""
    sure = np.arange(100) < np.array([[40], [40], [90], [90]])
    return Sure().summarise(Records(POOL, {"sure_enough": sure}))


def test_what_an_evaluation_does_not_say_has_a_default() -> None:
    assert (Sure.title, Sure.version, Sure.summary) == ("How sure", 1, ("sure_enough",))
    assert Sure.requires == Requirements()
    assert is_dataclass(Sure.Options)
    assert fields(Sure.Options) == ()
    assert Sure().settings() == {"evaluation": "how_sure", "version": 1, "options": {}}


def test_arrays_named_after_metrics_become_means_and_differences(frame: pd.DataFrame) -> None:
    values = frame[frame["level"] == "method"].set_index(["metric", "method"])["value"]

    assert values["sure_enough", "baseline"] == 0.4
    assert values["sure_enough", "at"] == 0.9
    assert values["gain", "at"] == 0.5


def test_records_without_such_an_array_need_a_summary_method() -> None:
    with pytest.raises(
        BadInputError, match="evaluation how_sure: define summarise, or record an array named after one"
    ):
        Sure().summarise(Records(POOL, {"logits": np.zeros((4, 10))}))


def test_without_a_headline_the_generic_sentence_is_said(frame: pd.DataFrame) -> None:
    (sentence,) = Sure().headline(frame)

    assert sentence.startswith("Sure of at is 90.0%, +50.0 points [+")
    assert sentence.endswith("] against the independent baseline: a significant difference between these networks.")


def test_without_a_chart_the_first_metric_is_drawn_as_dots(frame: pd.DataFrame) -> None:
    drawn = Sure().chart(frame).to_dict()

    dots = next(layer for layer in drawn["layer"] if layer["mark"]["type"] == "circle")
    data = drawn["datasets"][dots["data"]["name"]] if "datasets" in drawn else dots["data"]["values"]
    assert sorted(row["value"] for row in data) == [40, 40, 90, 90]


def test_an_own_title_and_summary_are_kept() -> None:
    class Other(Sure):
        name = "other"
        title = "Something else"
        summary = ("gain",)

    assert (Other.title, Other.summary) == ("Something else", ("gain",))
