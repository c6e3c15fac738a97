"""How well a score tells two sets of images apart: areas under curves, and the rate of false alarms.

All take weights, how often each image counts in each of many resamples, so that a paired bootstrap costs no more
sorting than the value itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustkd.statistics.resampling import ratio


@dataclass(frozen=True, eq=False)
class Ranking:
    """Images of two sets in the order of a score, the highest first.

    Attributes:
        order: The order of all images, those of the first set before those of the second, int64 (N,).
        first: Whether each image in that order is of the first set, bool (N,).
        ends: The places after which the score changes, int64 (G,).
        count: The number of images of the first set.
    """

    order: np.ndarray
    first: np.ndarray
    ends: np.ndarray
    count: int

    def counts(self, inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count the images with at least each score.

        Args:
            inside: How often each image of the first set counts, (B, n).
            outside: How often each image of the second set counts, (B, N − n).

        Returns:
            The counts of both sets for each distinct score in descending order, float64 (B, G).
        """
        weights = np.concatenate([inside, outside], axis=1)[:, self.order].astype(np.float32)
        above = np.where(self.first, weights, 0).cumsum(axis=1)[:, self.ends].astype(np.float64)
        every = weights.cumsum(axis=1)[:, self.ends].astype(np.float64)
        return above, every - above


def ranked(inside: np.ndarray, outside: np.ndarray) -> Ranking:
    """Order images by a score that is meant to be higher for the first set.

    Args:
        inside: The score of each image of the first set, float (n,), without NaN.
        outside: The score of each image of the second set, float (m,), without NaN.
    """
    scores = np.concatenate([inside, outside])
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    return Ranking(order, order < len(inside), ends, len(inside))


def auroc(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve: the probability of a higher score, where ties count half.

    Args:
        above: The images of the first set with at least each score, (B, G), from `Ranking.counts`.
        below: The same of the second set.

    Returns:
        float64 (B,); 0.5 for a score that says nothing, NaN where a set is empty.
    """
    hits, alarms = _with_origin(above), _with_origin(below)
    area = (np.diff(alarms, axis=1) * (hits[:, 1:] + hits[:, :-1])).sum(axis=1) / 2
    return ratio(area, above[:, -1] * below[:, -1])


def average_precision(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Return the area under the precision–recall curve with the first set as positives, as a sum of steps.

    Args:
        above: See `auroc`.
        below: See `auroc`.

    Returns:
        float64 (B,); the share of the first set for a score that says nothing.
    """
    gained = np.diff(_with_origin(above), axis=1)
    found = (gained * np.nan_to_num(ratio(above, above + below))).sum(axis=1)
    return ratio(found, above[:, -1])


def false_positive_rate(above: np.ndarray, below: np.ndarray, recall: float = 0.95) -> np.ndarray:
    """Return the share of the second set that passes the highest threshold that so much of the first set passes.

    Args:
        above: See `auroc`.
        below: See `auroc`.
        recall: The share of the first set.

    Returns:
        float64 (B,).
    """
    enough = above >= recall * above[:, -1:] - 1e-9
    at = enough.argmax(axis=1)
    return ratio(below[np.arange(len(below)), at], below[:, -1])


def _with_origin(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((len(counts), 1)), counts], axis=1)
