"""Scores that are higher for images that a network was trained on, and how well they tell them from others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from robustkd.statistics.detection import auroc, ranked
from robustkd.statistics.resampling import Observed, ratio, where

if TYPE_CHECKING:
    from robustkd.results.predictions import Predictions


def scaled_confidence(predictions: Predictions) -> np.ndarray:
    """Return the logit of the probability of the label, log(p/(1 − p)), float64 (N,).

    It is nearly normal, which p is not (Carlini et al. 2022, section V, "logit scaling").

    Args:
        predictions: The predictions for N images.
    """
    own = -predictions.nll
    others = predictions.log_probabilities.copy()
    others[np.arange(len(own)), predictions.labels] = -np.inf
    return np.asarray(own - logsumexp(others, axis=1))


def lira_scores(members: np.ndarray, others: np.ndarray, references: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of the offline likelihood ratio attack, with one variance for all images.

    The attack's score is 1 − P(Z > φ) for the scaled confidence φ of the network and Z normal with the mean and the
    variance of the scaled confidences of reference networks that were not trained on the image (Carlini et al. 2022,
    the offline variant of algorithm 1). With a few references the paper advises one variance for all images; the score
    then rises with φ − mean, which is returned: the order of the images, and so every rate, is the same.

    Args:
        members: The scaled confidence of every network for the images to find, float64 (M, n).
        others: The same for the other images, float64 (M, m).
        references: The rows of the reference networks; a network is no reference for itself.

    Returns:
        Both scores, float64 (M, n) and (M, m); NaN for a network without another reference.
    """
    scores = []
    for confidences in (members, others):
        found = np.full(confidences.shape, np.nan)
        for row in range(len(confidences)):
            used = references[references != row]
            if len(used):
                found[row] = confidences[row] - confidences[used].mean(axis=0)
        scores.append(found)
    return scores[0], scores[1]


def true_positive_rate(above: np.ndarray, below: np.ndarray, false_positives: float) -> np.ndarray:
    """Return the share of members above the lowest threshold that keeps the false positive rate.

    Args:
        above: The members with at least each score, in descending order, (B, G), from `Ranking.counts`.
        below: The same of the other images.
        false_positives: The largest share of other images above the threshold.

    Returns:
        float64 (B,); 0 if even the highest score has too many false positives.
    """
    allowed = below <= false_positives * below[:, -1:] + 1e-9
    last = allowed.sum(axis=1) - 1
    found = np.where(last >= 0, above[np.arange(len(above)), np.maximum(last, 0)], 0.0)
    return ratio(found, above[:, -1])


def leaks(name: str, members: np.ndarray, others: np.ndarray, false_positives: float) -> Observed:
    """Measure how well a score of one network tells members from other images, for any resample of them.

    Args:
        name: The name of the score; the metrics are ``<name>_auc`` and ``<name>_tpr``.
        members: The score of each member, float64 (n,).
        others: The score of each other image, float64 (m,).
        false_positives: See `true_positive_rate`.

    Returns:
        Both metrics; NaN where a score is.
    """
    defined = not (np.isnan(members).any() or np.isnan(others).any())
    ranking = ranked(members, others) if defined else None
    inside = np.arange(len(members) + len(others)) < len(members)

    def statistics(weights: np.ndarray) -> Mapping[str, np.ndarray]:
        if ranking is None:
            return dict.fromkeys((f"{name}_auc", f"{name}_tpr"), np.full(len(weights), np.nan))
        above, below = ranking.counts(weights[:, : len(members)], weights[:, len(members) :])
        return {
            f"{name}_auc": auroc(above, below),
            f"{name}_tpr": true_positive_rate(above, below, false_positives),
        }

    scores = np.concatenate([members, others])
    fewer = inside if 2 * inside.sum() <= len(inside) else ~inside  # their number limits the precision
    answers = {
        f"{name}_auc": where(fewer, scores),
        f"{name}_tpr": where(inside, scores > _threshold(others, false_positives)),
    }
    return Observed(statistics, answers)


def _threshold(others: np.ndarray, false_positives: float) -> float:
    """The score above which the allowed share of the other images lies."""
    allowed = int(false_positives * len(others) + 1e-9)
    return float(np.sort(others)[::-1][min(allowed, len(others) - 1)])
