"""Rows of classes: imbalanced-learn's report of each, and how often it is predicted."""

import warnings
from typing import Any

import numpy as np

from robustkd.evaluations.class_measures import by_class, rare_and_frequent
from robustkd.evaluations.evaluation import Metric
from robustkd.evaluations.metric_rows import MeanOverImages, bounds
from robustkd.evaluations.records import Records
from robustkd.evaluations.statistics import HOLM_CLASSES, Interval, holm
from robustkd.evaluations.tidy import groups_of, method_row, network_row, with_baselines

LEVEL = 0.05
"""Of the tests for each class, all classes of a network together."""

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


def class_rows(records: Records, training: np.ndarray) -> list[dict[str, Any]]:
    """Lay out each method's classes, the mean over its seeds.

    Args:
        records: Of `Minority`.
        training: int64 (M, K), training images of each class, for each member.

    Returns:
        Rows of level ``class`` for `tidy`.
    """
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
        correct = records.arrays["predicted"][group.rows] == labels
        seeds = np.arange(len(group.rows))
        for metric, values_of in values:
            row = {**method_row(group, metric), "level": "class"}
            for label, (name, value, count) in enumerate(zip(names, values_of, tested, strict=True)):
                known = {"part": str(name), "value": None if np.isnan(value) else value, "n": int(count)}
                if metric is CLASS_METRICS["rec"] and count:
                    known |= bounds(MeanOverImages(correct[:, labels == label]).of_mean(seeds))
                rows.append(row | known)
    return rows


def classes_told_apart(records: Records, better: Metric, worse: Metric) -> list[dict[str, Any]]:
    """Lay out at how many classes each student is significantly better than its baseline, and at how many worse.

    Holm's tests err about any class of a network, or about the direction, with a chance of 5 % at most (Shaffer 1980;
    no image is of two classes, so the tests are independent). So it is really better at no fewer classes than are
    found, and at no more than are not found worse: that is the interval. Of a mean over networks it is that of tests
    which share the 5 %.

    Args:
        records: Of `Minority`.
        better: The metric of the one share.
        worse: And of the other.

    Returns:
        Rows for `tidy`, of students that have a baseline.
    """
    members, labels = records.members, records.arrays["labels"]
    correct = records.arrays["predicted"] == labels
    tests = {row: by_class(correct[row], correct[baseline], labels) for row, baseline in with_baselines(members)}
    rows: list[dict[str, Any]] = []
    for group in groups_of(members):
        own = [(row, *tests[row]) for row in group.rows if row in tests]
        for metric, sign in ((better, 1), (worse, -1)):
            values = []
            for row, gains, p_values in own:
                value, known = _share_told(gains, p_values, sign, LEVEL)
                values.append(value)
                told = network_row(members.iloc[row], metric) | {"value": value, "n": len(labels)}
                rows.append(told | bounds((known, HOLM_CLASSES)))
            if own:
                ends = [_share_told(gains, p_values, sign, LEVEL / len(own))[1] for _, gains, p_values in own]
                told = method_row(group, metric) | {"value": float(np.mean(values)), "n": len(labels)}
                told |= {"std": float(np.std(values, ddof=1)) if len(values) > 1 else None}
                rows.append(told | bounds((Interval(*np.mean(ends, axis=0).tolist()), HOLM_CLASSES)))
    return rows


def _share_told(gains: np.ndarray, p_values: np.ndarray, sign: int, level: float) -> tuple[float, Interval]:
    """The share of classes found to gain, or to lose, and between what the share lies that really does."""
    found = holm(p_values) < level
    share, opposite = (float((found & (side * gains > 0)).mean()) for side in (sign, -sign))
    return share, Interval(share, 1 - opposite)


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
