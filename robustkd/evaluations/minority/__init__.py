"""How accurate are the networks on classes with few training images?

Per-class recall on the test set, with the classes in the order of their training images: the mean recall of the
rarest and of the most frequent classes, the worst class, balanced accuracy (the mean of all recalls), the geometric
mean of all recalls (Kubat, Matwin, *Addressing the curse of imbalanced training sets*, ICML 1997), and
imbalanced-learn's report for each class. Classes without a test image count nowhere.

A network trained on a skewed set also predicts the frequent classes too often. With q the shares of its predictions,
t those of the test labels and p those of the training labels, the pull towards the training prior is

    Σ_c (q_c − t_c)(p_c − t_c) / Σ_c (p_c − t_c)²,

0 for a network that predicts the classes as often as they occur, 1 for one that predicts them as often as in training.

Which classes are rare is known from the training images alone. Without any, or if the largest class has less than
twice the images of the smallest, the metrics of rare classes are absent. Needs predictions for the test images.

In this folder, in reading order: `measures`, the recalls and the pull to the training prior; `report`,
imbalanced-learn's report; `rows`, from records to tidy rows; `charts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from robustkd.evaluations import EVALUATIONS, Evaluation, Predict, Requirements
from robustkd.evaluations.minority.charts import class_panels
from robustkd.evaluations.minority.measures import prior_pull, rare_and_frequent, recalls_by
from robustkd.evaluations.minority.rows import class_rows, classes_told_apart
from robustkd.presentation.findings import student_findings
from robustkd.presentation.sentences import against_baseline, grouped
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.results.records import Check, Records, members_frame, trained_clean
from robustkd.results.tidy import tidy
from robustkd.results.value_rows import seed_rows
from robustkd.statistics.resampling import resampled

if TYPE_CHECKING:
    import altair as alt

    from robustkd.data import Dataset
    from robustkd.models import ModelPool

ENOUGH = 0.95
"""Share of the images that a law asks for which every class must have."""


@dataclass(frozen=True)
class MinorityOptions:
    """How the minority is chosen.

    Attributes:
        classes: The number of classes in the minority, and in the majority: at most half of all, and fewer if fewer are
            smaller than the others.
    """

    classes: Annotated[int, Field(ge=1)] = 3


@EVALUATIONS.register("minority")
class Minority(Evaluation):
    """Recall by class, in particular of the rare classes."""

    name = "minority"
    title = "Minority classes"
    question = "How accurate are the networks on classes with few training images?"
    version = 2
    requires = Requirements(training=True)
    summary = ("minority_accuracy", "balanced_accuracy")
    across_conditions = True
    Options = MinorityOptions
    metrics = (
        Metric(
            "minority_accuracy",
            "Minority",
            "fraction",
            True,
            "Mean recall of the classes with the fewest training images.",
        ),
        Metric(
            "minority_gain",
            "Minority against baseline",
            "points",
            True,
            "Minority recall minus the independent baseline's, on the same images.",
            difference_of="minority_accuracy",
        ),
        Metric(
            "majority_accuracy",
            "Majority",
            "fraction",
            True,
            "Mean recall of the classes with the most training images.",
        ),
        Metric(
            "majority_gain",
            "Majority against baseline",
            "points",
            True,
            "Majority recall minus the independent baseline's, on the same images.",
            difference_of="majority_accuracy",
        ),
        Metric("worst_class_accuracy", "Worst class", "fraction", True, "The smallest recall of all classes."),
        Metric(
            "balanced_accuracy",
            "Balanced accuracy",
            "fraction",
            True,
            "Mean recall of all classes.",
            table="all classes",
        ),
        Metric(
            "balanced_accuracy_gain",
            "Balanced accuracy against baseline",
            "points",
            True,
            "Balanced accuracy minus the independent baseline's, on the same images.",
            difference_of="balanced_accuracy",
            table="all classes",
        ),
        Metric(
            "balanced_accuracy_over_seeds",
            "Balanced accuracy over seeds",
            "fraction",
            True,
            "The same with the t-interval of the variation between three trainings or more.",
            table="all classes",
        ),
        Metric(
            "g_mean",
            "G-mean",
            "fraction",
            True,
            "Geometric mean of all recalls; 0 if any recall is 0.",
            table="all classes",
        ),
        Metric(
            "classes_better",
            "Classes better",
            "fraction",
            True,
            "Share of the classes whose accuracy is significantly above the baseline's (McNemar, Holm).",
            table="all classes",
        ),
        Metric(
            "classes_worse",
            "Classes worse",
            "fraction",
            False,
            "Share of the classes whose accuracy is significantly below the baseline's (McNemar, Holm).",
            table="all classes",
        ),
        Metric(
            "prior_pull",
            "Pull to training prior",
            "",
            None,
            "0: classes are predicted as often as they occur in the test set; 1: as often as in training.",
            table="how often classes are predicted",
        ),
        Metric(
            "prior_pull_difference",
            "Pull against baseline",
            "",
            None,
            "Pull to the training prior minus the independent baseline's, on the same images.",
            difference_of="prior_pull",
            table="how often classes are predicted",
        ),
    )

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
            arrays["training"] = _training_counts(pool, data)
        return Records(members_frame(pool), arrays, *_sizes(data))

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
        over_seeds = self.metric("balanced_accuracy_over_seeds")
        rows += seed_rows(records.members, found["balanced_accuracy"].values, over_seeds)
        rows += classes_told_apart(records, self.metric("classes_better"), self.metric("classes_worse"))
        return tidy(rows + class_rows(records, training))

    def chart(self, frame: pd.DataFrame) -> alt.TopLevelMixin:
        """Recall of each class by method, and how often each class is predicted; for each condition."""
        return class_panels(of_skew(frame))

    def headline(self, frame: pd.DataFrame) -> list[str]:
        """For each condition, how students fare against the baseline on the rare classes."""
        sentences = []
        for condition, rows in of_skew(frame).groupby("condition", sort=False):
            skewed = _is_skewed(rows)
            value, gain = SKEWED_METRICS if skewed else BALANCED_METRICS
            what = f"recall of the {_rarest(rows)}" if skewed else "balanced accuracy"
            found = student_findings(rows, value, gain)
            said = grouped(found, self.metric(value), self.metric(gain), VERDICTS)
            if said:
                against = against_baseline(found)
                sentences.append(f"{str(condition)[0].upper()}{str(condition)[1:]}: {what}{against} {said}.")
        if not (frame["role"] == "baseline").any():
            sentences.append("There is no independent baseline to compare the students with.")
        if not frame["metric"].isin(["class_training_share"]).any():
            sentences.append("Without training images it is unknown which classes are rare.")
        return sentences


SKEWED_METRICS = ("minority_accuracy", "minority_gain")
BALANCED_METRICS = ("balanced_accuracy", "balanced_accuracy_gain")

BIASED = ("worst_class_accuracy",)
"""A minimum, which the noise of resampling makes smaller."""

VERDICTS = ("better", "no significant difference", "worse")


def _training_counts(pool: ModelPool, data: Dataset) -> np.ndarray:
    """The number of training images of each class for each member, int64 (M, K)."""
    clean = trained_clean(pool, data)
    of_seed = {
        seed: np.bincount(data.trained_on(seed).images.labels.cpu().numpy(), minlength=data.num_classes)
        for seed in {member.seed for member in pool}
    }
    of_all = np.bincount(data.training.labels.cpu().numpy(), minlength=data.num_classes)
    return np.stack([of_all if own else of_seed[member.seed] for member, own in zip(pool, clean, strict=True)])


def _sizes(data: Dataset) -> tuple[tuple[Check, ...], tuple[str, ...]]:
    """Check that the classes have the sizes of the requested law, and note the law."""
    from robustkd.data.conditions.class_imbalance import ClassImbalance

    condition = data.condition
    if not isinstance(condition, ClassImbalance):
        return (), ()
    asked, kept = condition.asked(data.training), condition.sizes(data.training)
    short = [name for name, some, all_ in zip(data.test.class_names, kept, asked, strict=True) if some < ENOUGH * all_]
    detail = f"{kept.sum()} of the {asked.sum()} images that the law requires"
    detail += f"; far fewer than the law requires for {', '.join(short)}" if short else ""
    check = Check("class sizes in training", not short, detail, metrics=SKEWED_METRICS)
    return (check,), (f"Class sizes in training: {condition.description(data.training)}",)


def of_skew(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out conditions under which no class is rare, if there are others."""
    skewed = [condition for condition, rows in frame.groupby("condition", sort=False) if _is_skewed(rows)]
    return frame[frame["condition"].isin(skewed)] if skewed else frame


def _is_skewed(rows: pd.DataFrame) -> bool:
    return bool(rows[rows["metric"] == "minority_accuracy"]["value"].notna().any())


def _rarest(rows: pd.DataFrame) -> str:
    rarity = rows[rows["metric"] == "class_rarity"]
    count = int((rarity["value"] < 0).groupby(rarity["member"]).sum().max())
    return "rarest class" if count == 1 else f"{count} rarest classes"
