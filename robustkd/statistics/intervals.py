"""Intervals, and the names of what they cover."""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95

ROUNDING = 1e-12
"""Means of the same numbers that are summed in another order differ by less."""

Z = float(ndtri((1 + CONFIDENCE) / 2))

BOOTSTRAP_IMAGES = "95% bootstrap over test images"

TRAINING_IMAGES = "95% bootstrap over training images"

WILSON_IMAGES = "95% Wilson over test images"

T_SEEDS = "95% t over seeds"

NEWCOMBE = "95% Newcombe over test images, exact McNemar test"

HOLM_CLASSES = "95% for all classes together, Holm"


class Interval(NamedTuple):
    """A two-sided 95 % interval.

    >>> import robustkd as rk
    >>> rk.metrics.Interval(0.1, 0.3).high
    0.3
    """

    low: float
    high: float


def unvaried(value: float, images: int, lowest: float = 0.0, highest: float = 1.0) -> Interval:
    """Return the narrowest interval that a mean over images can have: that of images which all gave the same number.

    All resamples of such images agree, so the bootstrap would return a single number. But a share of all images may
    give another number, which Wilson's interval of 0 in N limits, and that number may be anything in the range. Where
    images do differ, the bootstrap's interval is wider than this one, except for a handful of images.

    Args:
        value: The mean.
        images: The number of images N.
        lowest: The lowest number that an image can give.
        highest: The highest number.

    Returns:
        The interval; for a share that is 0 or 1 it is Wilson's.
    """
    otherwise = wilson(0, max(images, 1)).high
    return Interval(value - otherwise * (value - lowest), value + otherwise * (highest - value))


def hull(interval: Interval, other: Interval) -> Interval:
    """Return the smallest interval that contains both."""
    return Interval(min(interval.low, other.low), max(interval.high, other.high))


def with_zero(interval: Interval) -> Interval:
    """Widen the interval of a difference to contain 0, where there are too few images to exclude it."""
    return hull(interval, Interval(0.0, 0.0))


def basic(value: float, percentiles: Interval) -> Interval:
    """Reflect the percentiles of resamples about the value, which removes their bias instead of doubling it.

    This is the basic bootstrap interval, [2v − q_high, 2v − q_low] (Efron and Tibshirani 1993, section 13; Davison and
    Hinkley 1997, equation 5.6). Where all resamples lie on one side of the value, that interval lies on the other side;
    it is widened to contain the value then.

    Args:
        value: The value v of the statistic.
        percentiles: The percentiles q of its resamples.
    """
    low, high = 2 * value - percentiles.high, 2 * value - percentiles.low
    return Interval(min(low, value), max(high, value))


def wilson(successes: int, trials: int) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927).

    Args:
        successes: The number of successes.
        trials: The number of trials, at least one.

    Returns:
        The interval.

    >>> import robustkd as rk
    >>> interval = rk.metrics.wilson(90, 100)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.826, 0.945)
    """
    share, shrink = successes / trials, 1 + Z**2 / trials
    middle = (share + Z**2 / (2 * trials)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


def square_and_add(first: Interval, first_value: float, second: Interval, second_value: float) -> Interval:
    """Return the interval of a difference of two independent numbers, from the interval of each.

    The distances to the ends of both intervals are squared and added, which allows for intervals that are not
    symmetric (Newcombe 1998, method 10, for proportions; Zou and Donner 2008, equation 4, for any numbers). Where the
    numbers are not independent but vary together, as those of two networks on the same images do, the interval is
    wider than necessary.

    Args:
        first: The interval of the first number.
        first_value: The first number.
        second: The interval of the second number.
        second_value: The second number.

    Returns:
        The interval of the first minus the second; NaN where an interval is.
    """
    value = first_value - second_value
    down = math.hypot(first_value - first.low, second.high - second_value)
    up = math.hypot(first.high - first_value, second_value - second.low)
    return Interval(value - down, value + up)


def t_over_seeds(values: np.ndarray) -> Interval | None:
    """Student's t-interval of a mean over trainings (Student 1908); it covers the variation between seeds.

    Args:
        values: One finite number for each seed, (S,).

    Returns:
        The interval; None for fewer than three seeds, for which it would be too wide to be of use.
    """
    if len(values) < 3:
        return None
    half = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(float(values.mean()) - half, float(values.mean()) + half)
