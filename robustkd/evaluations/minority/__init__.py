"""How accurate are the networks on classes with few training images?

Per-class recall on the test set, with the classes in the order of their training images: the mean recall of the
rarest and of the most frequent classes, the worst class, balanced accuracy (the mean of all recalls), the geometric
mean of all recalls (Kubat, Matwin, *Addressing the curse of imbalanced training sets*, ICML 1997), and
imbalanced-learn's report for each class. Classes without a test image are left out.

A network trained on a skewed set also predicts the frequent classes too often. With q the shares of its predictions,
t those of the test labels and p those of the training labels, the pull towards the training prior is

    Σ_c (q_c − t_c)(p_c − t_c) / Σ_c (p_c − t_c)²,

0 for a network that predicts the classes as often as they occur, 1 for one that predicts them as often as in training.

Which classes are rare is known from the training images alone. Without any, or if the largest class has less than
twice the images of the smallest, the metrics of rare classes are absent. The evaluation needs predictions for the test
images.

The files, in reading order: `options`; `training`, the class sizes in training; `measures`, the recalls and the pull
towards the training prior; `report`, imbalanced-learn's report of a class; `rows`, from records to the rows of classes;
`metrics`, what each number means; `charts`; `sentences`, the headline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.minority.measures import prior_pull, rare_and_frequent, recalls_by
from robustkd.evaluations.minority.metrics import METRICS
from robustkd.evaluations.minority.options import MinorityOptions
from robustkd.evaluations.minority.rows import class_comparison_rows, class_rows, with_missing_classes
from robustkd.evaluations.minority.sentences import of_skew, sentences
from robustkd.evaluations.minority.training import class_sizes, training_counts, without_test_image
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Records, members_frame
from robustkd.results.tidy import tidy
from robustkd.results.value_rows import seed_rows
from robustkd.statistics.resampling import resampled

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool


@EVALUATIONS.register("minority")
class Minority(Evaluation):
    """Recall by class, in particular of the rare classes."""

    name = "minority"
    title = "Minority classes"
    question = "How accurate are the networks on classes with few training images?"
    cites = "Sarfraz et al. 2020, Table VI"
    reading = (
        "Minority accuracy is the mean recall of the classes with the fewest training images, balanced accuracy that "
        "of all classes. A method may gain accuracy and lose minority accuracy."
    )
    chance = "Guessing among K classes has a recall of 1/K in each."
    control = "The independent baseline, trained on the same imbalanced set."
    caveats = (
        "Rare classes have as many test images as others, but their recall rests on few classes: one class moves the "
        "mean."
    )
    cost = "Seconds, from the shared predictions."
    version = 3
    requires = Requirements(training=True)
    summary = ("minority_accuracy", "balanced_accuracy")
    across_conditions = True
    Options = MinorityOptions
    metrics = METRICS

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Predict every test image with every member; count the labels it was trained on."""
        predictions = [predict(member) for member in pool]
        arrays = {
            "predicted": np.stack([seen.predicted for seen in predictions]).astype(np.int32),
            "labels": predictions[0].labels,
            "class_names": np.array(data.test.class_names),
            "classes": np.array(self.options.classes),
        }
        if data.train is not None:
            arrays["training"] = training_counts(pool, data)
        checks, notes = class_sizes(data)
        untested = without_test_image(predictions[0].labels, data.test.class_names)
        return Records(members_frame(pool), arrays, checks, (*notes, *untested))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Metrics of each network and method, and of each method's classes."""
        predicted, labels = records.arrays["predicted"], records.arrays["labels"]
        chosen = int(records.arrays["classes"])
        classes = len(records.arrays["class_names"])
        training = records.arrays.get("training", np.zeros((len(predicted), classes), dtype=np.int64))
        looks = [
            recalls_by(row == labels, labels, classes, *rare_and_frequent(counts, chosen))
            for row, counts in zip(predicted, training, strict=True)
        ]
        pulls = [prior_pull(row, labels, counts) for row, counts in zip(predicted, training, strict=True)]
        found = resampled(looks, len(labels), BIASED)
        rows = metric_rows(records.members, found | resampled(pulls, len(labels)), self.metrics)
        rows = with_missing_classes(rows, np.bincount(labels, minlength=classes), training[0], chosen)
        over_seeds = self.metric("balanced_accuracy_over_seeds")
        rows += seed_rows(records.members, found["balanced_accuracy"].values, over_seeds)
        rows += class_comparison_rows(records, self.metric("classes_better"), self.metric("classes_worse"))
        return tidy(rows + class_rows(records, training))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Recall of each class by method, and how often each class is predicted; for each condition."""
        from robustkd.evaluations.minority.charts import class_panels

        return class_panels(of_skew(frame))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """For each condition, the students' recall of the rare classes against the baseline's."""
        return sentences(frame, {metric.name: metric for metric in self.metrics})


BIASED = ("worst_class_accuracy",)
"""A minimum is biased: the noise of resampling makes it smaller."""
