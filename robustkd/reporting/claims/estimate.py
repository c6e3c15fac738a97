"""A number with its 95% interval, and the arithmetic of such numbers.

Judges combine numbers that were measured on the same images, often against the same baseline. Their correlation is not
in the results, so each combination is one that stays valid without it, and is then wider than needed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtri, stdtrit

from robustkd.statistics.intervals import CONFIDENCE, Interval, square_and_add, t_over_seeds


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: The number, as stored: fractions from 0 to 1.
        low: The lower end of its 95% interval; −∞ where it has none.
        high: The upper end; ∞ where it has none.
        seeds: The fewest seeds of the methods behind it; None for a number about networks rather than methods.
        of: What it is about, such as the student's name.
    """

    value: float
    low: float = -math.inf
    high: float = math.inf
    seeds: int | None = None
    of: str = ""

    def times(self, factor: float) -> "Estimate":
        """Multiply the number and its interval."""
        low, high = sorted((factor * self.low, factor * self.high))
        return replace(self, value=factor * self.value, low=low, high=high)


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """Average estimates whose dependence is unknown.

    The standard deviation of a mean is at most the mean of the standard deviations, whatever the dependence. So the
    mean of the lower ends and the mean of the upper ends bound the mean.
    """
    low, value, high = (
        float(np.mean(ends)) for ends in zip(*((e.low, e.value, e.high) for e in estimates), strict=True)
    )
    named = estimates[0].of if len(estimates) == 1 else f"the mean of {len(estimates)}"
    return Estimate(value, low, high, fewest(estimates), named)


def minus(first: Estimate, second: Estimate) -> Estimate:
    """Subtract an estimate from another one that does not vary against it.

    This combines the intervals as Zou and Donner 2008 do for independent estimates (method of variance estimates
    recovery); numbers on the same images vary together, which makes it wider than needed.
    """
    low, high = square_and_add(
        Interval(first.low, first.high), first.value, Interval(second.low, second.high), second.value
    )
    return Estimate(first.value - second.value, low, high, fewest([first, second]), first.of)


def shifted(estimate: Estimate, by: float) -> Estimate:
    """Add a number to an estimate."""
    return replace(estimate, value=estimate.value + by, low=estimate.low + by, high=estimate.high + by)


def over_networks(networks: Sequence[Estimate], of: str) -> Estimate:
    """Average the networks of one method, whose intervals cover the images alone.

    From three networks on, the interval covers their variation too: both half-widths are combined as in `minus`.
    """
    mean = mean_of(networks)
    found = t_over_seeds(np.array([network.value for network in networks]))
    half = 0.0 if found is None else mean.value - found.low
    low, high = (
        mean.value - math.hypot(mean.value - mean.low, half),
        mean.value + math.hypot(mean.high - mean.value, half),
    )
    return Estimate(mean.value, low, high, len(networks), of)


def corrected(estimate: Estimate, comparisons: int) -> Estimate:
    """Widen an interval so that it holds for the most extreme of several estimates (Bonferroni).

    The factor is that of Student's t with as many degrees of freedom as seeds less one, where it is over seeds.
    """
    tail = (1 - CONFIDENCE) / 2
    levels = np.array([1 - tail / comparisons, 1 - tail])
    quantiles = ndtri(levels) if estimate.seeds is None else stdtrit(max(estimate.seeds - 1, 1), levels)
    factor, value = float(quantiles[0] / quantiles[1]), estimate.value
    low, high = (value + factor * (end - value) for end in (estimate.low, estimate.high))
    return replace(estimate, low=low, high=high)


def fewest(estimates: Sequence[Estimate]) -> int | None:
    """Return the fewest seeds behind estimates; None where all are about networks."""
    return min((each.seeds for each in estimates if each.seeds is not None), default=None)
