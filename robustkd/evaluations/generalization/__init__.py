"""How accurate is each network on images that it was not trained on?

Accuracy and negative log-likelihood (NLL) on the test set, for each network and as mean and standard deviation over
seeds, compared with the independent baseline. The evaluation needs predictions for the test images only.

Intervals: Wilson for the accuracy of one network, percentile bootstrap over the test images for all other means, paired
bootstrap on the same images for differences to the baseline. They cover the choice of test images. The variation
between trainings is reported as the standard deviation over seeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.findings import student_findings
from robustkd.presentation.sentences import Phrases, findings
from robustkd.results.mean_over_images import per_image_rows
from robustkd.results.metric import Metric
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@dataclass(frozen=True)
class GeneralizationOptions:
    """This evaluation has no options."""


@EVALUATIONS.register("generalization")
class Generalization(Evaluation):
    """Accuracy and likelihood on the test set."""

    name = "generalization"
    title = "Generalization"
    question = "How accurate is each network on images that it was not trained on?"
    reading = (
        "Accuracy is the share of the test images that are classified correctly. NLL also rewards probabilities that "
        "fit; a network may gain accuracy and lose NLL."
    )
    chance = "Guessing among K equally frequent classes has an accuracy of 1/K and an NLL of ln K."
    control = "The independent baseline: the same architecture, trained on the same data without a teacher."
    caveats = (
        "The test set is one sample, and often one that many choices were made on before: a small gain on it need "
        "not hold on new images."
    )
    cost = "One forward pass of the test images by every network, which all evaluations share."
    version = 1
    requires = Requirements()
    summary = ("accuracy", "accuracy_gain")
    Options = GeneralizationOptions
    metrics = (
        Metric("accuracy", "Accuracy", "fraction", True, "Share of the test images that are classified correctly."),
        Metric(
            "accuracy_gain",
            "Accuracy against baseline",
            "points",
            True,
            "Accuracy minus the independent baseline's, on the same images.",
            difference_of="accuracy",
            subject="accuracy",
        ),
        Metric("nll", "NLL", "nats", False, "Mean negative log-likelihood of the true class."),
        Metric(
            "nll_difference",
            "NLL against baseline",
            "nats",
            False,
            "Negative log-likelihood minus the independent baseline's, on the same images.",
            difference_of="nll",
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Predict every test image with every member."""
        predictions = [predict(member) for member in pool]
        arrays = {
            "correct": np.stack([seen.correct for seen in predictions]),
            "nll": np.stack([seen.nll for seen in predictions]),
        }
        return Records(members_frame(pool), arrays)

    def summarise(self, records: Records) -> pd.DataFrame:
        """Accuracy and NLL of networks and methods, and their differences to the baseline."""
        values = {"accuracy": records.arrays["correct"], "nll": records.arrays["nll"]}
        return tidy(per_image_rows(records.members, values, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Accuracy by method."""
        return dots_and_intervals(frame, self.metric("accuracy"))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """Each student's accuracy, and its gain over the baseline."""
        found = student_findings(frame, "accuracy", "accuracy_gain")
        return findings(found, self.metric("accuracy"), self.metric("accuracy_gain"), PHRASES)


PHRASES = Phrases(
    one="{student} classifies {value} of the test images correctly",
    against="against the independent baseline",
    many="Accuracy against the independent baseline",
    verdicts=("better", "no significant difference", "worse"),
    alone="there is no independent baseline to compare it with",
)
