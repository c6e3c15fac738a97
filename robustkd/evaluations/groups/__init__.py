"""Does distillation help some groups of images more than others?

Ojha et al., *What Knowledge Gets Distilled in Knowledge Distillation?* (NeurIPS 2023), ask for the accuracy that each
group gains; Cheng, Agarwal, Amiri, *Do Students Debias Like Teachers?* (arXiv 2510.26038), whether biases survive.

The measures are the accuracy of the worst group, the spread of accuracies, and two measures of fairness. With the
prediction ŷ, the label y and the group g, and for any number of classes and groups, these are here

    demographic parity difference = max_k (max_g P(ŷ=k | g) − min_g P(ŷ=k | g)),
    equalised odds difference = max_k,k′ (max_g P(ŷ=k | y=k′, g) − min_g P(ŷ=k | y=k′, g)).

For two classes these are what fairlearn computes under these names. A group with few images has no reliable rates, so
groups, and groups within a class, with fewer than `min_images` images do not count.

The groups are any column of the user's table, or the column ``group`` of the table that the images came from. The
evaluation needs predictions for the test images.

The files, in reading order: `options`; `column`, the group of each test image; `disparities`, the measures; `rows`,
from records to rows of groups; `metrics`; `sentences`; `charts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.errors import EvaluationError
from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.groups.column import groups_of_images, left_out
from robustkd.evaluations.groups.disparities import DISPARITIES, observed_disparities
from robustkd.evaluations.groups.metrics import METRICS
from robustkd.evaluations.groups.options import GroupsOptions
from robustkd.evaluations.groups.rows import chance_rows, group_rows
from robustkd.evaluations.groups.sentences import sentences
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy
from robustkd.statistics.resampling import resampled

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("groups")
class Groups(Evaluation):
    """Accuracy by group, the worst group, and differences of rates between groups."""

    name = "groups"
    title = "Groups of images"
    question = "Does distillation help some groups of images more than others?"
    requires = Requirements()
    metrics = METRICS
    cites = "Ojha et al. 2023; Cheng et al. 2025"
    summary = ("worst_group_accuracy", "accuracy_spread")
    Options = GroupsOptions
    reading = (
        "A student that is more accurate than the baseline on average may be less accurate on a group: compare the "
        "gains by group. Spread and differences are 0 for a network that treats all groups alike; what counts is their "
        "change against the baseline."
    )
    chance = (
        "Spread and differences are largest gaps, so they are above 0 even for groups drawn at random; the chart and "
        "the results (part 'shuffled groups') give the value for shuffled groups."
    )
    control = "The independent baseline on the same images, and the same predictions with shuffled groups."
    caveats = (
        "The smallest group decides the worst-group accuracy, and its few images make it noisy; the worst of many "
        "groups is low even if all are treated alike."
    )
    cost = "No network is run beyond the predictions for the test images."

    def inapplicable(self, pool: ModelPool, data: Dataset) -> str:
        """Groups must come from somewhere."""
        if self.options.file is not None or data.test.groups is not None:
            return ""
        return (
            "needs the group of each test image: give a CSV as the option file, with one row for each test image in "
            "order, or with a column index, and the name of its column as the option column"
        )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Compare the predictions of every member within the groups."""
        if why := self.inapplicable(pool, data):
            raise EvaluationError(f"groups {why}")
        names, groups = groups_of_images(self.options, data)
        predictions = [predict(member) for member in pool]
        arrays = {
            "predicted": np.stack([seen.predicted for seen in predictions]).astype(np.int32),
            "labels": predictions[0].labels,
            "groups": groups,
            "group_names": np.array(names),
            "classes": np.array(data.num_classes),
            "min_images": np.array(self.options.min_images),
        }
        notes = left_out(names, groups, predictions[0].labels, data.test.class_names, self.options.min_images)
        return Records(members_frame(pool), arrays, notes=notes)

    def summarise(self, records: Records) -> pd.DataFrame:
        """The measures over all groups, the same for shuffled groups, and accuracy and gain of each group."""
        arrays = records.arrays
        seen = [
            observed_disparities(
                predicted, arrays["labels"], arrays["groups"], int(arrays["classes"]), int(arrays["min_images"])
            )
            for predicted in arrays["predicted"]
        ]
        found = resampled(seen, len(arrays["labels"]), DISPARITIES)
        rows = metric_rows(records.members, found, self.metrics)
        return tidy(rows + chance_rows(records, self.metrics) + group_rows(records, self.metrics))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Accuracy of each method by group, and the gains."""
        from robustkd.evaluations.groups.charts import group_panels

        return group_panels(frame, self.metric("group_accuracy"), self.metric("accuracy_spread"))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """The worst group of each student against the baseline's, and the groups that gain and lose."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})
