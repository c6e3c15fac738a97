"""Measures by class: which classes are rare, their recalls, and the pull towards the training prior."""

from collections.abc import Mapping

import numpy as np

from robustkd.statistics.intervals import Interval, unvaried
from robustkd.statistics.resampling import Observed, mean_of_defined, ratio, where
from robustkd.statistics.significance import mcnemar

SKEWED = 2
"""The smallest ratio of the largest to the smallest class at which some classes count as rare."""

APART = 10
"""The pull is defined if training and test shares differ by this many times more than by chance."""


def rare_and_frequent(counts: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the classes that are rare and those that are frequent in training.

    Args:
        counts: int64 (K,), training images of each class.
        classes: The largest number of classes of each kind, at most K // 2.

    Returns:
        Two arrays of classes; of classes with equally many images, the later one counts as rarer. No frequent class is
        as small as the smallest class, and every rare class is smaller than each frequent one, so there may be fewer
        than `classes`. Both are empty if the largest class has less than `SKEWED` times the images of the smallest.
    """
    none = np.empty(0, dtype=np.int64)
    chosen = min(classes, len(counts) // 2)
    if chosen == 0 or counts.max() < SKEWED * max(int(counts.min()), 1):
        return none, none
    order = np.lexsort((-np.arange(len(counts)), counts))
    rare, frequent = order[:chosen], order[-chosen:]
    frequent = frequent[counts[frequent] > counts.min()]
    return rare[counts[rare] < counts[frequent].min()], frequent


def recalls_by(
    correct: np.ndarray, labels: np.ndarray, classes: int, rare: np.ndarray, frequent: np.ndarray
) -> Observed:
    """Compute metrics of the recalls of all classes.

    Args:
        correct: Whether each image is classified correctly, bool (N,).
        labels: The labels of the images, int64 (N,).
        classes: The number of classes K.
        rare: The classes of the minority.
        frequent: The classes of the majority.

    Returns:
        ``minority_accuracy``, ``majority_accuracy``, ``worst_class_accuracy``, ``balanced_accuracy`` and ``g_mean``,
        over the classes that have a test image.
    """
    shown = (labels[:, None] == np.arange(classes)).astype(np.float32)
    hit = shown * correct[:, None]

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        recalls = ratio(weights @ hit, weights @ shown)
        present = np.where(np.isnan(recalls), 1, recalls)
        known = (~np.isnan(recalls)).sum(axis=1)
        with np.errstate(divide="ignore"):
            logs = np.log(present).sum(axis=1)
        return {
            "minority_accuracy": mean_of_defined(recalls[:, rare].T),
            "majority_accuracy": mean_of_defined(recalls[:, frequent].T),
            "worst_class_accuracy": present.min(axis=1),
            "balanced_accuracy": mean_of_defined(recalls.T),
            "g_mean": np.exp(logs / np.maximum(known, 1)),
        }

    every = correct.astype(np.float64)
    answers = dict.fromkeys(("worst_class_accuracy", "balanced_accuracy", "g_mean"), every)
    for name, chosen in (("minority_accuracy", rare), ("majority_accuracy", frequent)):
        answers[name] = where(np.isin(labels, chosen), correct)
    return Observed(statistics, answers, recalls_unvaried(correct, labels, classes, rare, frequent))


def recalls_unvaried(
    correct: np.ndarray, labels: np.ndarray, classes: int, rare: np.ndarray, frequent: np.ndarray
) -> dict[str, Interval]:
    """Return the narrowest interval of each metric of `recalls_by`, as if all images of a class gave the same result.

    A mean of recalls has the interval of a share of as many images as give the same variance: a mean over m classes of
    n₁, n₂, … images has the variance of a share of m²/(1/n₁ + 1/n₂ + …) images. The upper end of a geometric mean of 0
    is the geometric mean of the recalls above 0 and of the upper ends of the recalls that are 0.

    Args:
        correct: Whether each image is classified correctly, bool (N,).
        labels: The labels of the images, int64 (N,).
        classes: The number of classes K.
        rare: The classes of the minority.
        frequent: The classes of the majority.

    Returns:
        The interval of each metric; NaN if the metric is not defined.
    """
    tested = np.bincount(labels, minlength=classes)
    recalls = ratio(np.bincount(labels[correct], minlength=classes), tested)
    shown = np.flatnonzero(tested)

    def as_sure_as(value: float, chosen: np.ndarray) -> Interval:
        return unvaried(value, round(len(chosen) ** 2 / float((1 / tested[chosen]).sum())))

    def mean_of(chosen: np.ndarray) -> Interval:
        some = chosen[tested[chosen] > 0]
        return as_sure_as(float(recalls[some].mean()), some) if len(some) else Interval(np.nan, np.nan)

    worst = shown[recalls[shown].argmin()]
    ends = [recalls[label] or unvaried(0.0, int(tested[label])).high for label in shown]
    geometric = float(np.exp(np.log(ends).mean()))
    return {
        "minority_accuracy": mean_of(rare),
        "majority_accuracy": mean_of(frequent),
        "worst_class_accuracy": unvaried(float(recalls[worst]), int(tested[worst])),
        "balanced_accuracy": mean_of(shown),
        "g_mean": as_sure_as(geometric, shown) if recalls[worst] else Interval(0.0, geometric),
    }


def prior_pull(predicted: np.ndarray, labels: np.ndarray, training: np.ndarray) -> Observed:
    """Compute how far the shares of predicted classes are pulled from the test set's towards the training set's.

    Args:
        predicted: int (N,).
        labels: int64 (N,).
        training: int64 (K,), training images of each class.

    Returns:
        ``prior_pull``, Σ_c (q_c − t_c)(p_c − t_c) / Σ_c (p_c − t_c)² for shares q of predictions, t of test labels and
        p of training labels. It is NaN if no class is rare, or if the divisor is below `APART` times (1 − Σ_c p_c²)/N,
        its mean for test images that are drawn like the training images.
    """
    classes = np.arange(len(training))
    votes, shown = ((given[:, None] == classes).astype(np.float32) for given in (predicted, labels))
    prior = ratio(training, np.array(training.sum()))
    test = np.bincount(labels, minlength=len(classes)) / len(labels)
    apart = ((prior - test) ** 2).sum() >= APART * (1 - (prior**2).sum()) / len(labels)
    defined = len(rare_and_frequent(training, 1)[0]) > 0 and bool(apart)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        images = weights.sum(axis=1, keepdims=True)
        expected = ratio(weights @ shown, images)
        towards = prior - expected if defined else np.zeros_like(expected)
        moved = ratio(weights @ votes, images) - expected
        return {"prior_pull": ratio((moved * towards).sum(axis=1), (towards**2).sum(axis=1))}

    return Observed(statistics)


def by_class(correct_1: np.ndarray, correct_2: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compare two networks on the images of each class that has any.

    Args:
        correct_1: Whether the first network is right, bool (N,).
        correct_2: Whether the second network is right, bool (N,).
        labels: The labels of the images, int64 (N,).

    Returns:
        For each class with images, the first network's accuracy minus the second's, and the p-value of McNemar's exact
        test.
    """
    inside = [labels == label for label in np.unique(labels)]
    gains = [correct_1[images].mean() - correct_2[images].mean() for images in inside]
    return np.array(gains), np.array([mcnemar(correct_1[images], correct_2[images]) for images in inside])
