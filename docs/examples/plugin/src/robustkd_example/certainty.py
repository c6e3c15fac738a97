"""How certain are the networks?

The probability of the predicted class, averaged over the test images. Needs predictions only. The table, the chart and
the sentences of the report follow from the metrics; an evaluation may define its own `summarise`, `chart` and
`headline`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict
from robustkd.results.metric import Metric
from robustkd.results.records import Records, members_frame

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("certainty")
class Certainty(Evaluation):
    """The mean probability of the predicted class."""

    name = "certainty"
    question = "How certain are the networks?"
    metrics = (
        Metric("certainty", "Certainty", "fraction", None, "Mean probability of the predicted class."),
        Metric(
            "certainty_difference",
            "Certainty against baseline",
            "points",
            None,
            "Certainty minus that of the independent baseline, on the same images.",
            difference_of="certainty",
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Record the probability of the predicted class for each network and test image."""
        return Records(
            members_frame(pool), {"certainty": np.stack([certainty(predict(member).logits) for member in pool])}
        )


def certainty(logits: np.ndarray) -> np.ndarray:
    """Return the probability of the most likely class, float64 (N,), for logits (N, K)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(1 / np.exp(shifted).sum(axis=1))
