"""How confident are the networks?

The probability of the predicted class, averaged over the test images. Needs predictions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.presentation.charts import dots_and_intervals
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import per_image_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@dataclass(frozen=True)
class ConfidenceOptions:
    """This evaluation has no options."""


@EVALUATIONS.register("confidence")
class Confidence(Evaluation):
    """The mean probability of the predicted class."""

    name = "confidence"
    title = "Confidence"
    question = "How confident are the networks?"
    version = 1
    requires = Requirements()
    summary = ("confidence",)
    Options = ConfidenceOptions
    metrics = (
        Metric("confidence", "Confidence", "fraction", None, "Mean probability of the predicted class."),
        Metric(
            "confidence_difference",
            "Confidence against baseline",
            "points",
            None,
            "Confidence minus that of the independent baseline, on the same images.",
            difference_of="confidence",
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Record the probability of the predicted class for each network and test image."""
        return Records(
            members_frame(pool), {"confidence": np.stack([confidence(predict(member).logits) for member in pool])}
        )

    def summarise(self, records: Records) -> pd.DataFrame:
        """Return the mean of each network and method, and the difference to the baseline."""
        return tidy(per_image_rows(records.members, dict(records.arrays), self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Draw the confidence of each method."""
        return dots_and_intervals(frame, self.metric("confidence"))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Say nothing: the table is enough."""
        return []


def confidence(logits: np.ndarray) -> np.ndarray:
    """Return the probability of the most likely class, float64 (N,), for logits (N, K)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(1 / np.exp(shifted).sum(axis=1))
