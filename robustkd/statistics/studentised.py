"""Student's t for means over images and over trainings: intervals of values, and tests of differences.

Both vary: other images would give other numbers, and so would another training of the same method. All networks see the
same images, so networks and images are crossed, and the variance of a mean over both is the sum of three parts: images,
networks, and their interaction. A bootstrap that resamples networks and images (a hierarchical bootstrap, such as
Saravanan, Berman and Sober 2020) estimates it with few networks too small by the factor (S − 1)/S, and its percentiles
are those of a normal distribution: with three seeds it finds differences that are not there. The parts are therefore
estimated one by one, as Owen 2007 (*The pigeonhole bootstrap*) does for crossed data, and the degrees of freedom of
their sum are Satterthwaite's (1946; Welch 1947 for two samples), with the variance over trainings counted twice.
Satterthwaite's own are too many where few trainings seem by chance to vary less than images: of twelve methods without
any difference, with three seeds, one is then significantly worse than the best in 8 % of the cases instead of 5 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from robustkd.statistics.intervals import CONFIDENCE, ROUNDING, Interval, hull, with_zero

FEWEST_SEEDS = 3
"""With fewer trainings, how much trainings vary is hardly known: one or two networks stand for themselves alone."""

UNCERTAINTY = 2.0
"""The weight of a variance over trainings in the degrees of freedom, because a few trainings may underestimate it."""

T_IMAGES = "95% t over test images"

AND_SEEDS = " and seeds"
"""Follows `T_IMAGES` in what an interval covers if it covers trainings too."""


class Tested(NamedTuple):
    """A difference's interval, and the test whether it is 0.

    Attributes:
        interval: The 95 % interval.
        covers: What it covers.
        p_value: The two-sided p-value of no difference; below 5 % only if the interval excludes 0.
    """

    interval: Interval
    covers: str
    p_value: float


class OverImages(NamedTuple):
    """How a mean varies from one set of test images to another.

    Attributes:
        variance: The variance of the mean.
        degrees: Its degrees of freedom: the number of images that contribute to it, minus 1.
        covers: What an interval over these images covers.
    """

    variance: float
    degrees: float
    covers: str = T_IMAGES


class Side(NamedTuple):
    """The networks of one method.

    Attributes:
        values: The value of each network, float64 (S,).
        each: The variance of one network's value over images, averaged over the networks.
        mean: The variance over images of the mean over the networks.
    """

    values: np.ndarray
    each: float
    mean: float

    @property
    def counts(self) -> bool:
        """Whether there are enough trainings to know how much they vary."""
        return len(self.values) >= FEWEST_SEEDS

    @property
    def variance(self) -> float:
        """The variance of the mean from one set of trainings to another."""
        return float(self.values.var(ddof=1) / len(self.values))

    @property
    def interaction(self) -> float:
        """The part of both variances that is the interaction of network and image, and would be counted twice."""
        return max(self.each - self.mean, 0.0) / (len(self.values) - 1)


def standard_error(images: OverImages, sides: Sequence[Side]) -> tuple[float, float]:
    """Estimate the standard error of a mean over images and trainings.

    Args:
        images: The variation over images.
        sides: The methods, of which those with `FEWEST_SEEDS` trainings or more add to the variation.

    Returns:
        The standard error, and its degrees of freedom (Satterthwaite 1946, equation 17, with `UNCERTAINTY`).
    """
    counted = [side for side in sides if side.counts]
    variances = [images.variance, *(side.variance for side in counted)]
    degrees = [max(images.degrees, 1), *(len(side.values) - 1 for side in counted)]
    over_seeds = sum(variances[1:])
    total = images.variance + over_seeds - sum(side.interaction for side in counted)
    total = max(total, images.variance, over_seeds)
    weights = np.array([1.0, *(UNCERTAINTY for _ in counted)])
    whole = total + (UNCERTAINTY - 1) * over_seeds
    shares = (weights * variances / whole) ** 2 / np.array(degrees) if whole > 0 else np.zeros(1)
    return float(np.sqrt(total)), 1 / float(shares.sum()) if shares.any() else np.inf


def t_interval(value: float, images: OverImages, sides: Sequence[Side]) -> tuple[Interval, str]:
    """Compute Student's interval of a mean.

    Args:
        value: The mean.
        images: Its variation over images.
        sides: The methods that it is a mean or a difference of.

    Returns:
        The interval, and what it covers.
    """
    error, degrees = standard_error(images, sides)
    half = float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) * error
    seeds = AND_SEEDS if any(side.counts for side in sides) else ""
    return Interval(value - half, value + half), images.covers + seeds


def t_test(value: float, images: OverImages, sides: Sequence[Side], narrowest: Interval | None = None) -> Tested:
    """Test whether a difference is 0.

    Args:
        value: The difference.
        images: Its variation over images; without degrees of freedom nothing is significant.
        sides: Both methods.
        narrowest: An interval that the result must contain; None if none is known.

    Returns:
        The interval, and the p-value of Student's test.
    """
    if images.degrees < 1:
        interval = with_zero(Interval(value, value))
        return consistent(hull(interval, narrowest) if narrowest else interval, images.covers, 1.0)
    interval, covers = t_interval(value, images, sides)
    error, degrees = standard_error(images, sides)
    p_value = float(2 * stdtr(degrees, -abs(value) / error)) if error > ROUNDING else float(abs(value) <= ROUNDING)
    return consistent(hull(interval, narrowest) if narrowest is not None else interval, covers, p_value)


def consistent(interval: Interval, covers: str, p_value: float) -> Tested:
    """Make interval and p-value agree: the interval excludes 0 exactly if the p-value is below 5 %."""
    if p_value >= 1 - CONFIDENCE:
        return Tested(with_zero(interval), covers, p_value)
    includes_zero = interval.low <= 0 <= interval.high
    return Tested(interval, covers, max(p_value, 1 - CONFIDENCE) if includes_zero else p_value)


def clipped(interval: Interval, lowest: float, highest: float) -> Interval:
    """Limit an interval to the values that a number can have."""
    return Interval(max(interval.low, lowest), min(interval.high, highest))
