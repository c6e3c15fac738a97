"""Whether confidence is the frequency of being right."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from robustkd.errors import BadInputError
from robustkd.evaluations.calibration.measures import brier_score as brier_scores
from robustkd.evaluations.calibration.temperature import fitted_temperature
from robustkd.evaluations.confidence.exaggeration import centred_logits, regression
from robustkd.metrics.arrays import logits_of, predictions_of, same_shape
from robustkd.statistics.calibration_error import bin_of, calibration_error


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
    seen = predictions_of(logits, labels)
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
    seen = predictions_of(logits, labels)
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
    seen = predictions_of(logits, labels)
    return fitted_temperature(seen.logits, seen.labels)


def logit_regression(teacher_logits: ArrayLike, student_logits: ArrayLike) -> tuple[float, float]:
    """Return slope and offset of the line that predicts the student's top logits from the teacher's.

    Both logits are of the class that the teacher predicts, less the mean of all logits. A slope above 1 exaggerates the
    teacher's confidence (Nagarajan et al. 2023, arXiv 2301.12923).

    Args:
        teacher_logits: (N, K).
        student_logits: (N, K), for the same images.

    Returns:
        Slope and offset of the least-squares line; NaN where the teacher's logit is the same for all images.

    Raises:
        BadInputError: The arrays do not fit each other.

    >>> rk.metrics.logit_regression([[2.0, 0.0], [4.0, 0.0]], [[3.0, 0.0], [7.0, 0.0]])
    (2.0, -0.5)
    """
    teacher, student = logits_of(teacher_logits), logits_of(student_logits)
    same_shape(teacher, student)
    predicted = teacher.argmax(axis=1)
    line = regression(centred_logits(teacher, predicted), centred_logits(student, predicted))
    found = line.statistics(np.ones((1, len(teacher))))
    return float(found["slope"][0]), float(found["offset"][0])
