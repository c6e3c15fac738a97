"""imbalanced-learn's report of each class, and how far other test images could change it."""

import warnings
from collections.abc import Mapping

import numpy as np

from robustkd.results.metric import Metric
from robustkd.statistics.intervals import unvaried
from robustkd.statistics.resampling import Observed, ratio

CLASS_METRICS = {
    "pre": Metric("class_precision", "Precision", "fraction", True, "Of the images predicted as the class."),
    "rec": Metric("class_recall", "Recall", "fraction", True, "Of the images of the class."),
    "spe": Metric("class_specificity", "Specificity", "fraction", True, "Recall of all other classes together."),
    "f1": Metric("class_f1", "F1", "fraction", True, "Harmonic mean of precision and recall."),
    "geo": Metric("class_geometric_mean", "Geometric mean", "fraction", True, "Of recall and specificity."),
    "iba": Metric("class_iba", "Index balanced accuracy", "fraction", True, "As imbalanced-learn defines it."),
}
"""By imbalanced-learn's names for its columns."""

DOMINANCE = 0.1
"""imbalanced-learn's weight of recall minus specificity in the index balanced accuracy."""


def class_report(predicted: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Return imbalanced-learn's report for each class.

    Args:
        predicted: int (N,), the predictions of a network.
        labels: int64 (N,).
        classes: K.

    Returns:
        For each of its columns float64 (K,); NaN for a class without a test image, and for the precision of one that is
        never predicted.
    """
    from imblearn.metrics import classification_report_imbalanced
    from sklearn.exceptions import UndefinedMetricWarning

    every = list(range(classes))
    options = {"labels": every, "target_names": [str(label) for label in every], "zero_division": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # of what is made absent below
        report = classification_report_imbalanced(labels, predicted, output_dict=True, **options)
    tested, voted = (np.bincount(given, minlength=classes) for given in (labels, predicted))
    columns = {key: np.array([float(report[str(label)][key]) for label in every]) for key in CLASS_METRICS}
    columns["pre"][voted == 0] = np.nan
    return {key: np.where(tested > 0, column, np.nan) for key, column in columns.items()}


def class_report_observed(predicted: np.ndarray, labels: np.ndarray, classes: int) -> Observed:
    """Compute the report, and how often each class is predicted, for any draw of the images.

    Args:
        predicted: int (N,), the predictions of a network.
        labels: int64 (N,).
        classes: K.

    Returns:
        Metrics named by the column, or ``share``, and the class: ``"pre 0"``.
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
