"""What becomes of the rare classes?

Per-class recall on the test set, with the classes in the order of their training images: the mean recall of the
rarest and of the most frequent classes, the worst class, balanced accuracy (the mean of all recalls), the geometric
mean of all recalls (Kubat, Matwin, *Addressing the curse of imbalanced training sets*, ICML 1997), and
imbalanced-learn's report for each class. Classes without a test image count nowhere.

A network trained on a skewed set also predicts the frequent classes too often. With q the shares of its predictions,
t those of the test labels and p those of the training labels, the pull towards the training prior is

    Σ_c (q_c − t_c)(p_c − t_c) / Σ_c (p_c − t_c)²,

0 for a network that predicts the classes as often as they occur, 1 for one that predicts them as often as in training.

Which classes are rare is known from the training images alone. Without any, or if the largest class has less than
twice the images of the smallest, what concerns rare classes is absent. Needs predictions for the test images.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import altair as alt
import numpy as np
import pandas as pd
from pydantic import Field

from robustkd.evaluations.class_charts import class_panels
from robustkd.evaluations.evaluation import EVALUATIONS, Evaluation, Metric, Predict, Requirements
from robustkd.evaluations.records import Check, Records, members_frame
from robustkd.evaluations.resampling import Statistics, estimate, estimate_rows, ratio, seed_rows, value_rows
from robustkd.evaluations.statistics import holm, mcnemar
from robustkd.evaluations.tidy import baseline_of, groups_of, method_row, student_findings, tidy
from robustkd.evaluations.wording import grouped

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import ModelPool

SKEWED = 2
"""Largest over smallest class from which on some classes count as rare."""

LEVEL = 0.05
"""Of the tests for each class, all classes of a network together."""


@dataclass(frozen=True)
class MinorityOptions:
    """How it is measured.

    Attributes:
        classes: How many classes count as the minority, and as the majority; half of all at the most, and fewer where
            fewer are smaller than the others.
    """

    classes: Annotated[int, Field(ge=1)] = 3


@EVALUATIONS.register("minority")
class Minority(Evaluation):
    """Recall by class, for the rare classes above all."""

    name = "minority"
    title = "Minority classes"
    question = "What becomes of the rare classes?"
    version = 1
    requires = Requirements(training=True)
    summary = ("minority_accuracy", "balanced_accuracy")
    across_conditions = True
    Options = MinorityOptions
    metrics = (
        Metric("minority_accuracy", "Minority", "fraction", True, "Mean recall of the classes rarest in training."),
        Metric(
            "minority_gain",
            "Minority against baseline",
            "points",
            True,
            "Minority recall minus the independent baseline's, on the same images.",
            difference_of="minority_accuracy",
        ),
        Metric(
            "majority_accuracy", "Majority", "fraction", True, "Mean recall of the classes most frequent in training."
        ),
        Metric(
            "majority_gain",
            "Majority against baseline",
            "points",
            True,
            "Majority recall minus the independent baseline's, on the same images.",
            difference_of="majority_accuracy",
        ),
        Metric(
            "worst_class_accuracy", "Worst class", "fraction", True, "The smallest recall of any class.", biased=True
        ),
        Metric("balanced_accuracy", "Balanced accuracy", "fraction", True, "Mean recall of all classes."),
        Metric(
            "balanced_accuracy_gain",
            "Balanced accuracy against baseline",
            "points",
            True,
            "Balanced accuracy minus the independent baseline's, on the same images.",
            difference_of="balanced_accuracy",
        ),
        Metric(
            "balanced_accuracy_over_seeds",
            "Balanced accuracy over seeds",
            "fraction",
            True,
            "The same with the t-interval of the variation between three trainings or more.",
        ),
        Metric("g_mean", "G-mean", "fraction", True, "Geometric mean of all recalls; 0 if one is."),
        Metric(
            "classes_better",
            "Classes better",
            "fraction",
            True,
            "Share of the classes whose accuracy is significantly above the baseline's (McNemar, Holm).",
        ),
        Metric(
            "classes_worse",
            "Classes worse",
            "fraction",
            False,
            "Share of the classes whose accuracy is significantly below the baseline's (McNemar, Holm).",
        ),
        Metric(
            "prior_pull",
            "Pull to training prior",
            "",
            None,
            "0: predicts classes as often as they occur in the test set; 1: as often as in training.",
        ),
        Metric(
            "prior_pull_difference",
            "Pull against baseline",
            "",
            None,
            "Pull to the training prior minus the independent baseline's, on the same images.",
            difference_of="prior_pull",
        ),
    )

    def measure(self, pool: ModelPool, data: Dataset, predict: Predict) -> Records:
        """Ask every member about every test image; count the labels it was trained on."""
        predictions = [predict(member) for member in pool]
        arrays = {
            "predicted": np.stack([seen.predicted for seen in predictions]).astype(np.int32),
            "labels": predictions[0].labels,
            "class_names": np.array(data.test.class_names),
            "classes": np.array(self.options.classes),
        }
        if data.train is not None:
            counts = {
                seed: np.bincount(data.trained_on(seed).images.labels.cpu().numpy(), minlength=data.num_classes)
                for seed in {member.seed for member in pool}
            }
            arrays["training"] = np.stack([counts[member.seed] for member in pool])
        return Records(members_frame(pool), arrays, _law(data))

    def summarise(self, records: Records) -> pd.DataFrame:
        """Metrics of each network and method, and of each method's classes."""
        predicted, labels = records.arrays["predicted"], records.arrays["labels"]
        chosen = int(records.arrays["classes"])
        classes = len(records.arrays["class_names"])
        training = records.arrays.get("training", np.zeros((len(predicted), classes), dtype=np.int64))
        looks = [
            _recalls(row == labels, labels, classes, *rare_and_frequent(counts, chosen))
            for row, counts in zip(predicted, training, strict=True)
        ]
        pulls = [_prior_pull(row, labels, counts) for row, counts in zip(predicted, training, strict=True)]
        estimates = estimate(looks, len(labels)) | estimate(pulls, len(labels))
        rows = estimate_rows(records.members, estimates, self.metrics)
        over_seeds = self.metric("balanced_accuracy_over_seeds")
        rows += seed_rows(records.members, estimates["balanced_accuracy"].values, over_seeds)
        for name, values in zip(("classes_better", "classes_worse"), _significant(records), strict=True):
            if not np.isnan(values).all():
                rows += value_rows(records.members, values, self.metric(name))
        return tidy(rows + _class_rows(records, training))

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
                against = "" if np.isnan(found[0].difference) else " against the independent baseline"
                sentences.append(f"{str(condition)[0].upper()}{str(condition)[1:]}: {what}{against} {said}.")
        if not (frame["role"] == "baseline").any():
            sentences.append("There is no independent baseline to hold the students against.")
        if not frame["metric"].isin(["class_training_share"]).any():
            sentences.append("Which classes are rare in training is not known: there are no training images.")
        return sentences


SKEWED_METRICS = ("minority_accuracy", "minority_gain")
BALANCED_METRICS = ("balanced_accuracy", "balanced_accuracy_gain")

VERDICTS = ("better", "no significant difference", "worse")

CLASS_METRICS = {
    "pre": Metric("class_precision", "Precision", "fraction", True, "Of the images predicted as the class."),
    "rec": Metric("class_recall", "Recall", "fraction", True, "Of the images of the class."),
    "spe": Metric("class_specificity", "Specificity", "fraction", True, "Recall of all other classes together."),
    "f1": Metric("class_f1", "F1", "fraction", True, "Harmonic mean of precision and recall."),
    "geo": Metric("class_geometric_mean", "Geometric mean", "fraction", True, "Of recall and specificity."),
    "iba": Metric("class_iba", "Index balanced accuracy", "fraction", True, "As imbalanced-learn defines it."),
}
"""Of rows of level ``class``, whose `part` is the class: imbalanced-learn's report, the mean over seeds."""

SHARE_METRICS = (
    Metric("class_predicted_share", "Share of predictions", "fraction", None, "How often a class is predicted."),
    Metric("class_test_share", "Share of test images", "fraction", None, "How often it occurs in the test set."),
    Metric("class_training_share", "Share of training images", "fraction", None, "How often it occurs in training."),
    Metric("class_rarity", "Rarity", "", None, "−1 for a class of the minority, 1 for one of the majority, else 0."),
)


def _law(data: Dataset) -> tuple[Check, ...]:
    """What the law of the class sizes is, for a reader; nothing can fail about it."""
    from robustkd.data.class_imbalance import ClassImbalance

    if not isinstance(data.condition, ClassImbalance):
        return ()
    return (Check("class sizes in training", True, data.condition.description(data.training), metrics=SKEWED_METRICS),)


def of_skew(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out conditions under which no class is rare, if there are others."""
    skewed = [condition for condition, rows in frame.groupby("condition", sort=False) if _is_skewed(rows)]
    return frame[frame["condition"].isin(skewed)] if skewed else frame


def _is_skewed(rows: pd.DataFrame) -> bool:
    return bool(rows[rows["metric"] == "minority_accuracy"]["value"].notna().any())


def rare_and_frequent(counts: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Name the classes that are rare and those that are frequent in training.

    Args:
        counts: int64 (K,), training images of each class.
        classes: How many of each kind at the most; never more than K // 2.

    Returns:
        Two arrays of classes; of equally many images the later class counts as rarer. No frequent class is as small as
        the smallest one, and every rare class is smaller than each frequent one, so there may be fewer than `classes`.
        Empty ones where no class is rare: the largest has less than `SKEWED` times the images of the smallest.
    """
    none = np.empty(0, dtype=np.int64)
    chosen = min(classes, len(counts) // 2)
    if chosen == 0 or counts.max() < SKEWED * max(int(counts.min()), 1):
        return none, none
    order = np.lexsort((-np.arange(len(counts)), counts))
    rare, frequent = order[:chosen], order[-chosen:]
    frequent = frequent[counts[frequent] > counts.min()]
    return rare[counts[rare] < counts[frequent].min()], frequent


def _recalls(
    correct: np.ndarray, labels: np.ndarray, classes: int, rare: np.ndarray, frequent: np.ndarray
) -> Statistics:
    shown = (labels[:, None] == np.arange(classes)).astype(np.float32)
    hit = shown * correct[:, None]

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        recalls = ratio(weights @ hit, weights @ shown)
        present = np.where(np.isnan(recalls), 1, recalls)
        known = (~np.isnan(recalls)).sum(axis=1)
        with np.errstate(divide="ignore"):
            logs = np.log(present).sum(axis=1)
        return {
            "minority_accuracy": _mean_of(recalls, rare),
            "majority_accuracy": _mean_of(recalls, frequent),
            "worst_class_accuracy": present.min(axis=1),
            "balanced_accuracy": _mean_of(recalls, np.arange(classes)),
            "g_mean": np.exp(logs / np.maximum(known, 1)),
        }

    return statistics


def _mean_of(recalls: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Mean recall of some classes, (B,), over those that have a test image."""
    some = recalls[:, chosen]
    known = ~np.isnan(some)
    return ratio(np.where(known, some, 0).sum(axis=1), known.sum(axis=1))


def _prior_pull(predicted: np.ndarray, labels: np.ndarray, training: np.ndarray) -> Statistics:
    classes = np.arange(len(training))
    votes, shown = ((given[:, None] == classes).astype(np.float32) for given in (predicted, labels))
    prior = ratio(training, np.array(training.sum()))
    skewed = len(rare_and_frequent(training, 1)[0]) > 0

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        images = weights.sum(axis=1, keepdims=True)
        expected = ratio(weights @ shown, images)
        towards = prior - expected if skewed else np.zeros_like(expected)
        moved = ratio(weights @ votes, images) - expected
        return {"prior_pull": ratio((moved * towards).sum(axis=1), (towards**2).sum(axis=1))}

    return statistics


def _significant(records: Records) -> tuple[np.ndarray, np.ndarray]:
    """For each student's network the share of classes it is significantly better at than the baseline, and worse at.

    It is held against the baseline of its own seed, or against the first one there is.
    """
    members, labels = records.members, records.arrays["labels"]
    correct = records.arrays["predicted"] == labels
    better, worse = np.full((2, len(members)), np.nan)
    groups = groups_of(members)
    for group in groups:
        baseline = baseline_of(group, groups)
        if group.who["role"] != "student" or baseline is None:
            continue
        theirs = dict(zip(baseline.seeds, baseline.rows, strict=True))
        for seed, row in zip(group.seeds, group.rows, strict=True):
            gains, p_values = by_class(correct[row], correct[theirs.get(seed, baseline.rows[0])], labels)
            significant = holm(list(p_values)) < LEVEL
            better[row], worse[row] = (significant & (gains > 0)).mean(), (significant & (gains < 0)).mean()
    return better, worse


def by_class(correct_1: np.ndarray, correct_2: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare two networks on the images of each class that has any.

    Args:
        correct_1: bool (N,).
        correct_2: bool (N,).
        labels: int64 (N,).

    Returns:
        For each such class the first's accuracy minus the second's, and McNemar's exact p-value.
    """
    inside = [labels == label for label in np.unique(labels)]
    gains = [correct_1[images].mean() - correct_2[images].mean() for images in inside]
    return np.array(gains), np.array([mcnemar(correct_1[images], correct_2[images]) for images in inside])


def _class_rows(records: Records, training: np.ndarray) -> list[dict[str, Any]]:
    labels, names = records.arrays["labels"], records.arrays["class_names"]
    tested = np.bincount(labels, minlength=len(names))
    rows: list[dict[str, Any]] = []
    for group in groups_of(records.members):
        found = report_by_class(records.arrays["predicted"][group.rows], labels, len(names))
        votes = np.stack([np.bincount(records.arrays["predicted"][row], minlength=len(names)) for row in group.rows])
        values = [(metric, found[key]) for key, metric in CLASS_METRICS.items()]
        shares = [votes.mean(axis=0) / len(labels), tested / len(labels)]
        if "training" in records.arrays:
            counts = training[group.rows].mean(axis=0)
            rare, frequent = rare_and_frequent(training[group.rows[0]], int(records.arrays["classes"]))
            rarity = np.isin(np.arange(len(names)), frequent) * 1.0 - np.isin(np.arange(len(names)), rare)
            shares += [counts / counts.sum(), rarity]
        values += list(zip(SHARE_METRICS, shares, strict=False))
        for metric, by_class in values:
            row = {**method_row(group, metric), "level": "class"}
            for name, value, count in zip(names, by_class, tested, strict=True):
                rows.append({**row, "part": str(name), "value": None if np.isnan(value) else value, "n": int(count)})
    return rows


def report_by_class(predicted: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Give imbalanced-learn's report for each class, as the mean over networks.

    Args:
        predicted: int (S, N), the predictions of S networks.
        labels: int64 (N,).
        classes: K.

    Returns:
        For each of its columns float64 (K,); NaN for a class without a test image.
    """
    from imblearn.metrics import classification_report_imbalanced
    from sklearn.exceptions import UndefinedMetricWarning

    every = list(range(classes))
    options = {"labels": every, "target_names": [str(label) for label in every], "zero_division": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # of absent classes, which are made absent below
        reports = [classification_report_imbalanced(labels, row, output_dict=True, **options) for row in predicted]
    absent = np.bincount(labels, minlength=classes) == 0
    means = {
        key: np.mean([[float(report[str(label)][key]) for label in every] for report in reports], axis=0)
        for key in CLASS_METRICS
    }
    return {key: np.where(absent, np.nan, mean) for key, mean in means.items()}


def _rarest(rows: pd.DataFrame) -> str:
    rarity = rows[rows["metric"] == "class_rarity"]
    count = int((rarity[rarity["member"] == rarity["member"].iloc[0]]["value"] < 0).sum())
    return "rarest class" if count == 1 else f"{count} rarest classes"
