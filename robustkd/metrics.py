"""The measures of the evaluations as functions of NumPy arrays, for use with your own predictions.

Logits are (N, K), labels and predicted classes are integers (N,) from 0 to K − 1, for N images and K classes. Nothing
here needs a pool, a network or torch. The evaluations compute the same numbers, with intervals.

>>> import numpy as np
>>> import robustkd as rk
>>> labels = np.array([0, 1, 1, 2])
>>> teacher = np.array([[4.0, 0, 0], [0, 3, 1], [0, 1, 2], [0, 0, 5]])
>>> student = np.array([[2.0, 0, 0], [0, 1, 2], [0, 1, 3], [1, 0, 2]])
>>> rk.metrics.accuracy(teacher, labels), rk.metrics.accuracy(student, labels), rk.metrics.agreement(teacher, student)
(0.75, 0.5, 0.75)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.attacks.counting import VARIANTS
from robustkd.errors import BadInputError
from robustkd.evaluations.calibration.measures import brier_score as brier_scores
from robustkd.evaluations.calibration.temperature import fitted_temperature
from robustkd.evaluations.corruption.corruption_error import mean_corruption_error as corruption_errors
from robustkd.evaluations.fidelity import error_consistency as kappa
from robustkd.evaluations.fidelity import kl_divergence as kl_divergences
from robustkd.evaluations.transferability.matrix import success_matrix
from robustkd.results.predictions import Predictions
from robustkd.statistics.calibration_error import bin_of, calibration_error
from robustkd.statistics.intervals import Interval, wilson
from robustkd.statistics.significance import holm, mcnemar

__all__ = [
    "Interval",
    "accuracy",
    "agreement",
    "brier_score",
    "error_consistency",
    "expected_calibration_error",
    "fitting_temperature",
    "holm",
    "kl_divergence",
    "mcnemar",
    "mean_corruption_error",
    "negative_log_likelihood",
    "recalls",
    "transfer_matrix",
    "wilson",
]


def accuracy(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the share of images classified correctly, 0 to 1.

    Args:
        logits: (N, K), or predicted classes (N,).
        labels: (N,).

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.accuracy([[2.0, 1.0], [0.0, 1.0]], [0, 0])
    0.5
    """
    return float((_classes(logits) == _labels(labels, logits)).mean())


def negative_log_likelihood(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of −log p(label), in nats.

    Args:
        logits: (N, K).
        labels: (N,).

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> round(rk.metrics.negative_log_likelihood([[0.0, 0.0]], [1]), 4)
    0.6931
    """
    return float(_predictions(logits, labels).nll.mean())


def agreement(logits: ArrayLike, other_logits: ArrayLike) -> float:
    """Return the share of images on which two networks predict the same class (Stanton et al. 2021, section 3).

    Args:
        logits: (N, K), or predicted classes (N,).
        other_logits: The same for the other network, on the same images.

    Returns:
        0 to 1.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.agreement([0, 1, 2, 2], [0, 1, 1, 2])
    0.75
    """
    return float((_classes(logits) == _classes(other_logits, logits)).mean())


def kl_divergence(teacher_logits: ArrayLike, student_logits: ArrayLike) -> float:
    """Return the mean of KL(teacher ‖ student) at temperature 1, in nats (Stanton et al. 2021, section 3).

    Args:
        teacher_logits: (N, K).
        student_logits: (N, K), for the same images.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.kl_divergence([[1.0, 0.0]], [[1.0, 0.0]])
    0.0
    """
    none = np.zeros(len(_logits(teacher_logits)), dtype=np.int64)
    teacher, student = (_predictions(given, none) for given in (teacher_logits, student_logits))
    _same_shape(teacher.logits, student.logits)
    return float(kl_divergences(teacher, student).mean())


def error_consistency(correct: ArrayLike, other_correct: ArrayLike) -> float:
    """Return κ, how often two networks are right or wrong together beyond chance (Geirhos et al. 2020, equations 1, 3).

    κ = (c_obs − c_exp) / (1 − c_exp) with c_exp = p₁p₂ + (1 − p₁)(1 − p₂).

    Args:
        correct: bool (N,), which images the first network classifies correctly.
        other_correct: bool (N,), the same for the second network, on the same images.

    Returns:
        −1 to 1; NaN where both are always right or both always wrong.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.error_consistency([True, True, False, False], [True, True, False, False])
    1.0
    """
    first, second = np.asarray(correct, dtype=np.bool_), np.asarray(other_correct, dtype=np.bool_)
    _same_shape(first, second)
    return kappa(first, second)


def expected_calibration_error(logits: ArrayLike, labels: ArrayLike, bins: int = 10) -> float:
    """Return Σ_b n_b/n·|acc_b − conf_b| over equally wide bins of the confidence (Guo et al. 2017, equation 3).

    Args:
        logits: (N, K).
        labels: (N,).
        bins: The number of bins.

    Returns:
        0 to 1.

    Raises:
        BadInputError: The arrays do not fit each other, or there is no bin.

    >>> round(rk.metrics.expected_calibration_error([[0.0, 0.0], [0.0, 0.0]], [0, 0]), 4)
    0.5
    """
    if bins < 1:
        raise BadInputError(f"bins must be at least 1, got {bins}")
    seen = _predictions(logits, labels)
    confidence = np.exp(seen.log_probabilities.max(axis=1))
    once = np.ones((1, len(confidence)), dtype=np.float32)
    return float(calibration_error(confidence, seen.correct, bin_of(confidence, bins), bins, once)[0])


def brier_score(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the mean of Σ_k (p_k − y_k)², 0 to 2 (Brier 1950).

    Args:
        logits: (N, K).
        labels: (N,).

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.brier_score([[0.0, 0.0]], [1])
    0.5
    """
    seen = _predictions(logits, labels)
    return float(brier_scores(np.exp(seen.log_probabilities), seen.labels).mean())


def fitting_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature T for which the labels are most likely under softmax(logits / T) (Guo et al. 2017, 4.2).

    Args:
        logits: (N, K).
        labels: (N,).

    Returns:
        0.01 to 100; one of these ends where the likelihood still rises there, as for a network that is always right.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> round(rk.metrics.fitting_temperature([[2.0, 0.0], [2.0, 0.0], [2.0, 0.0], [2.0, 0.0]], [0, 0, 0, 1]), 3)
    1.82
    """
    seen = _predictions(logits, labels)
    return fitted_temperature(seen.logits, seen.labels)


def recalls(predicted: ArrayLike, labels: ArrayLike, classes: int | None = None) -> np.ndarray:
    """Return the recall of each class: the share of its images that are classified correctly.

    Args:
        predicted: Predicted classes (N,), or logits (N, K).
        labels: (N,).
        classes: The number of classes; one more than the largest label or prediction if not given.

    Returns:
        float64 (K,), 0 to 1; NaN for a class without images.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.recalls([0, 0, 1, 1], [0, 1, 1, 1]).round(3).tolist()
    [1.0, 0.667]
    """
    given, truth = _classes(predicted), _labels(labels, predicted)
    count = classes if classes is not None else int(max(given.max(), truth.max())) + 1
    images = np.bincount(truth, minlength=count)
    right = np.bincount(truth[given == truth], minlength=count)
    return np.divide(right, images, out=np.full(len(images), np.nan), where=images > 0)


def transfer_matrix(
    labels: ArrayLike, clean: ArrayLike, adversarial: ArrayLike, variant: str = "jointly_correct"
) -> np.ndarray:
    """Return the success of attacks made on each network and shown to each (Sarfraz et al. 2020, section VI).

    Args:
        labels: (N,).
        clean: (M, N), the classes that each of M networks predicts for the clean images.
        adversarial: (M, M, N), the classes predicted for the adversarial examples, by source and target.
        variant: ``jointly_correct``, of the images that both classify correctly, as the text of the paper says;
            ``fooled_source``, of those the ones on which the attack fools the source, as its script does; or
            ``fooling_rate`` (Ojha et al. 2023), of the images on which it changes the source's prediction.

    Returns:
        float64 (M, M), sources in rows, targets in columns, 0 to 1; NaN where no image is eligible.

    Raises:
        BadInputError: The arrays do not fit each other, or there is no such variant.

    >>> adversarial = [[[1, 0], [1, 1]], [[0, 1], [0, 0]]]
    >>> rk.metrics.transfer_matrix([0, 1], clean=[[0, 1], [0, 1]], adversarial=adversarial).tolist()
    [[1.0, 0.5], [0.0, 0.5]]
    """
    arrays = {"label": np.asarray(labels), "clean": np.asarray(clean), "adversarial": np.asarray(adversarial)}
    networks = len(arrays["clean"])
    wanted = {"clean": (networks, len(arrays["label"])), "adversarial": (networks, networks, len(arrays["label"]))}
    for name, shape in wanted.items():
        if arrays[name].shape != shape:
            raise BadInputError(f"{name} must have the shape {shape}, got {arrays[name].shape}")
    if variant not in VARIANTS:
        raise BadInputError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
    return success_matrix(arrays, VARIANTS[variant])


def mean_corruption_error(errors: ArrayLike, reference: ArrayLike) -> float:
    """Return the mean over corruptions of a network's error over the reference's (Hendrycks and Dietterich 2019).

    mCE = mean_c (Σ_s E_{s,c} / Σ_s E^ref_{s,c}).

    Args:
        errors: (C, S), error rates for C corruptions and S severities, 0 to 1.
        reference: (C, S), the same for the reference network.

    Returns:
        1 for a network as good as the reference.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.mean_corruption_error([[0.1, 0.3], [0.2, 0.2]], [[0.2, 0.2], [0.4, 0.4]])
    0.75
    """
    own, other = np.asarray(errors, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    _same_shape(own, other)
    return float(corruption_errors(own.sum(axis=1), other.sum(axis=1)))


def _logits(given: ArrayLike) -> np.ndarray:
    logits = np.asarray(given)
    if logits.ndim != 2 or not len(logits):
        raise BadInputError(f"logits must have the shape (images, classes), got {logits.shape}")
    return logits


def _classes(given: ArrayLike, beside: ArrayLike | None = None) -> np.ndarray:
    array = np.asarray(given)
    if array.ndim not in (1, 2) or not len(array):
        raise BadInputError(f"predictions must be logits (images, classes) or classes (images,), got {array.shape}")
    if beside is not None and len(np.asarray(beside)) != len(array):
        raise BadInputError(f"predictions are of {len(np.asarray(beside))} and of {len(array)} images")
    return array if array.ndim == 1 else array.argmax(axis=1)


def _labels(given: ArrayLike, predictions: ArrayLike) -> np.ndarray:
    labels, predicted = np.asarray(given), np.asarray(predictions)
    if labels.ndim != 1 or len(labels) != len(predicted) or not np.issubdtype(labels.dtype, np.integer):
        raise BadInputError(f"labels must be {len(predicted)} integers, got {labels.dtype} of shape {labels.shape}")
    if labels.min() < 0 or (predicted.ndim == 2 and labels.max() >= predicted.shape[1]):
        raise BadInputError(f"labels must be classes from 0 on, got {labels.min()} to {labels.max()}")
    return labels


def _predictions(logits: ArrayLike, labels: ArrayLike) -> Predictions:
    given = _logits(logits)
    return Predictions(given, _labels(labels, given))


def _same_shape(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape or not first.size:
        raise BadInputError(f"both arrays must have the same shape, got {first.shape} and {second.shape}")
