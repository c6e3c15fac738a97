"""Rates of events among eligible images, and the difference of two rates over images that they share in part."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robustkd.statistics.intervals import CONFIDENCE, NEWCOMBE, Interval, hull, unvaried
from robustkd.statistics.significance import mcnemar
from robustkd.statistics.studentised import Tested, consistent


class Counted(NamedTuple):
    """The images that a rate counts.

    Attributes:
        events: The images with the event, bool (N,); a subset of `eligible`.
        eligible: The images that could have had it, bool (N,).
    """

    events: np.ndarray
    eligible: np.ndarray

    @property
    def rate(self) -> float:
        """The share of events among the eligible images; NaN if there are none."""
        count = int(self.eligible.sum())
        return float(self.events.sum() / count) if count else float("nan")


def paired_difference(first: Counted, second: Counted, confidence: float) -> Interval:
    """Compute the interval of the difference of two rates over images that they share in part.

    It combines the Wilson intervals of both rates (Newcombe 1998, method 10; for correlated rates, Zou and Donner 2008,
    section 2). It needs no resamples, so it can have any confidence; and it holds for few images and for identical
    ones, where the bootstrap gives a single number.

    Args:
        first: The first rate, with at least one eligible image.
        second: The rate that is subtracted, with at least one eligible image.
        confidence: The confidence level, between 0 and 1.

    Returns:
        The interval of the first rate minus the second.
    """
    (low_1, high_1), (low_2, high_2) = (_wilson(each, confidence) for each in (first, second))
    rate_1, rate_2, shared = first.rate, second.rate, _correlation(first, second)
    down = _combined(rate_1 - low_1, high_2 - rate_2, shared)
    up = _combined(high_1 - rate_1, rate_2 - low_2, shared)
    return Interval(rate_1 - rate_2 - down, rate_1 - rate_2 + up)


def paired_test(first: np.ndarray, second: np.ndarray) -> Tested:
    """Compare two shares of the same images: Newcombe's interval (`paired_difference`) and the exact McNemar test.

    Args:
        first: Whether each image counts for the first share, bool (N,).
        second: Whether it counts for the share that is subtracted, bool (N,).

    Returns:
        Interval and test of the first share minus the second. The interval is at least that of images that all gave the
        same difference (`unvaried`).
    """
    everyone = np.ones(len(first), dtype=np.bool_)
    value = float(first.mean() - second.mean())
    interval = paired_difference(Counted(first, everyone), Counted(second, everyone), CONFIDENCE)
    return consistent(hull(interval, unvaried(value, len(first), -1)), NEWCOMBE, mcnemar(first, second))


def _wilson(counted: Counted, confidence: float) -> Interval:
    from scipy.stats import binomtest

    test = binomtest(int(counted.events.sum()), int(counted.eligible.sum()))
    low, high = test.proportion_ci(confidence, "wilson")
    return Interval(float(low), float(high))


def _combined(first: float, second: float, correlation: float) -> float:
    return float(np.sqrt(max(first**2 + second**2 - 2 * correlation * first * second, 0.0)))


def _correlation(first: Counted, second: Counted) -> float:
    """The correlation of the contributions of each image to both rates; 0 where one rate does not vary."""
    added = [each.events - each.rate * each.eligible for each in (first, second)]
    spread = np.sqrt(float((added[0] ** 2).sum() * (added[1] ** 2).sum()))
    return float((added[0] * added[1]).sum() / spread) if spread else 0.0
