"""imbalanced-learn's report of each class, for the test images and for resamples of them."""

import warnings
from collections.abc import Mapping

import numpy as np

from robustkd.results.metric import Metric
from robustkd.statistics.intervals import unvaried
from robustkd.statistics.resampling import Observed, ratio

CLASS_METRICS = {
    "pre": Metric(
        "class_precision",
        "Precision",
        "fraction",
        True,
        "Share of the images predicted as the class that belong to it.",
    ),
    "rec": Metric(
        "class_recall", "Recall", "fraction", True, "Share of the images of the class that are classified correctly."
    ),
    "spe": Metric("class_specificity", "Specificity", "fraction", True, "Recall of all other classes together."),
    "f1": Metric("class_f1", "F1", "fraction", True, "Harmonic mean of precision and recall."),
    "geo": Metric(
        "class_geometric_mean", "Geometric mean", "fraction", True, "Geometric mean of recall and specificity."
    ),
    "iba": Metric(
        "class_iba",
        "Index balanced accuracy",
        "fraction",
        True,
        "Squared geometric mean, weighted by 1 + 0.1·(recall − specificity), as in imbalanced-learn.",
    ),
}
"""The metrics of a class, by the names of imbalanced-learn's columns."""

DOMINANCE = 0.1
"""The weight of recall minus specificity in the index balanced accuracy, as in imbalanced-learn."""


def class_report(predicted: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Return imbalanced-learn's report for each class.

    Args:
        predicted: The classes that a network predicts, int (N,).
        labels: The labels of the images, int64 (N,).
        classes: The number of classes K.

    Returns:
        Each column of the report, float64 (K,); NaN for a class without test images, and for the precision of a class
        that is never predicted.
    """
    from imblearn.metrics import classification_report_imbalanced
    from sklearn.exceptions import UndefinedMetricWarning

    every = list(range(classes))
    options = {"labels": every, "target_names": [str(label) for label in every], "zero_division": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # these values are set to NaN below
        report = classification_report_imbalanced(labels, predicted, output_dict=True, **options)
    tested, voted = (np.bincount(given, minlength=classes) for given in (labels, predicted))
    columns = {key: np.array([float(report[str(label)][key]) for label in every]) for key in CLASS_METRICS}
    columns["pre"][voted == 0] = np.nan
    return {key: np.where(tested > 0, column, np.nan) for key, column in columns.items()}


def class_report_observed(predicted: np.ndarray, labels: np.ndarray, classes: int) -> Observed:
    """Compute the report and the share of predictions of each class for any resample of the images.

    Args:
        predicted: The classes that a network predicts, int (N,).
        labels: The labels of the images, int64 (N,).
        classes: The number of classes K.

    Returns:
        Metrics that are named after the column (or ``share``) and the class, such as ``"pre 0"``.
    """
    votes, shown = ((given[:, None] == np.arange(classes)).astype(np.float32) for given in (predicted, labels))
    right = votes * shown

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        hit, voted, tested = weights @ right, weights @ votes, weights @ shown
        images = weights.sum(axis=1, keepdims=True)
        recall, specificity = ratio(hit, tested), 1 - ratio(voted - hit, images - tested)
        geometric = np.sqrt(recall * specificity)
        columns = {
            "pre": ratio(hit, voted),
            "rec": recall,
            "spe": specificity,
            "f1": ratio(2 * hit, voted + tested),
            "geo": geometric,
            "iba": (1 + DOMINANCE * (recall - specificity)) * geometric**2,
            "share": ratio(voted, images),
        }
        return {f"{key} {label}": column[:, label] for key, column in columns.items() for label in range(classes)}

    once = statistics(np.ones((1, len(labels)), dtype=np.float32))
    voted, tested = votes.sum(axis=0), shown.sum(axis=0)
    decisive = {"pre": voted, "rec": tested, "spe": len(labels) - tested, "share": np.full(classes, len(labels))}
    limits = {
        f"{key} {label}": unvaried(float(once[f"{key} {label}"][0]), int(decisive.get(key, tested)[label]))
        for key in (*CLASS_METRICS, "share")
        for label in range(classes)
    }
    return Observed(statistics, limits=limits)
