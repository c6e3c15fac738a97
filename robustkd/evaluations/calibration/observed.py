"""The results of one network for each image, and the metrics that they give in any resample of the images."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from robustkd.evaluations.calibration.bins import equal_mass_bin_of
from robustkd.evaluations.calibration.measures import brier_score
from robustkd.evaluations.calibration.temperature import HOTTEST, derivatives, fitted_temperature, spread_of
from robustkd.results.predictions import Predictions
from robustkd.statistics.calibration_error import bin_of, calibration_error
from robustkd.statistics.intervals import unvaried
from robustkd.statistics.resampling import Observed, ratio


def seen(predictions: Predictions, fitted: np.ndarray) -> dict[str, np.ndarray]:
    """Record one network's results for each image, before and after temperature scaling.

    Args:
        predictions: The network's predictions for the N test images.
        fitted: The images that the temperature is fitted on, bool (N,).

    Returns:
        ``correct``, ``confidence``, ``nll`` and ``brier`` of all images, (N,); if there are images to fit on, also the
        ``temperature``, NaN if there is none, the ``hottest`` one searched, its ``derivatives`` for these images, and
        ``confidence_after`` and ``nll_after`` of the others.
    """
    logits, labels = predictions.logits, predictions.labels
    whole = {
        "correct": predictions.correct,
        "confidence": np.exp(predictions.log_probabilities.max(axis=1)),
        "nll": predictions.nll,
        "brier": brier_score(np.exp(predictions.log_probabilities), labels),
    }
    if not fitted.any():
        return whole
    temperature = fitted_temperature(logits[fitted], labels[fitted])
    divisor = 1.0 if np.isnan(temperature) else temperature  # without a temperature nothing below is used
    after = Predictions(logits[~fitted].astype(np.float64) / divisor, labels[~fitted])
    return whole | {
        "temperature": np.array(temperature),
        "hottest": np.array(HOTTEST * spread_of(logits[fitted])),
        "derivatives": derivatives(logits[fitted], labels[fitted], divisor),
        "confidence_after": np.exp(after.log_probabilities.max(axis=1)),
        "nll_after": after.nll,
    }


def whole_set(arrays: Mapping[str, np.ndarray], row: int, bins: int) -> Observed:
    """Return one network's metrics on all test images, as functions of how often each image counts.

    Args:
        arrays: The arrays of the records.
        row: The row of the network.
        bins: The number of bins of the confidence.
    """
    confidence, correct = arrays["confidence"][row], arrays["correct"][row]
    means = np.stack([arrays["nll"][row], arrays["brier"][row], confidence - correct], axis=1).astype(np.float32)
    equal_width, equal_mass = bin_of(confidence, bins), equal_mass_bin_of(confidence, bins)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        nll, brier, gap = ratio(weights @ means, weights.sum(axis=1, keepdims=True)).T
        return {
            "nll": nll,
            "brier": brier,
            "ece": calibration_error(confidence, correct, equal_width, bins, weights),
            "ece_equal_mass": calibration_error(confidence, correct, equal_mass, bins, weights),
            "confidence_gap": gap,
        }

    limit = unvaried(float((confidence - correct).mean()), len(correct), lowest=-1.0)
    answers = dict.fromkeys(("ece", "ece_equal_mass"), confidence)
    return Observed(statistics, answers, {"confidence_gap": limit})


def fitted_half(arrays: Mapping[str, np.ndarray], row: int) -> Observed:
    """Return one network's fitted temperature T = 1/β, as a function of how often each image counts.

    It is the fitted β after one step of Halley's method. If every image counts once, the step is 0.

    Args:
        arrays: The arrays of the records.
        row: The row of the network.
    """
    temperature, slopes = float(arrays["temperature"][row]), arrays["derivatives"][row]
    hottest = float(arrays["hottest"][row])

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        if np.isnan(temperature):
            return {"temperature": np.full(len(weights), np.nan)}
        slope, curvature, third = (weights @ slopes).T
        step = ratio(2 * slope * curvature, 2 * curvature**2 - slope * third)
        stepped = 1 / temperature - step
        possible = stepped > 1 / hottest
        return {"temperature": ratio(possible, np.where(possible, stepped, 0))}

    return Observed(statistics)


def other_half(arrays: Mapping[str, np.ndarray], row: int, bins: int) -> Observed:
    """Return one network's metrics with the fitted temperature, on the images that it was not fitted on.

    Args:
        arrays: The arrays of the records.
        row: The row of the network.
        bins: The number of bins of the confidence.
    """
    confidence, correct = arrays["confidence_after"][row], arrays["correct"][row][~arrays["fitted"]]
    nll, assigned = arrays["nll_after"][row].astype(np.float32), bin_of(confidence, bins)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        if np.isnan(arrays["temperature"][row]):
            return dict.fromkeys(("ece_after", "nll_after"), np.full(len(weights), np.nan))
        return {
            "ece_after": calibration_error(confidence, correct, assigned, bins, weights),
            "nll_after": ratio(weights @ nll, weights.sum(axis=1)),
        }

    return Observed(statistics, {"ece_after": confidence})
