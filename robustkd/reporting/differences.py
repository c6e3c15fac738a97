"""Differences between two numbers of tables, with intervals."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from robustkd.results.mean_over_images import MeanOverImages
from robustkd.results.metric import Metric
from robustkd.statistics.intervals import Interval, square_and_add

How = Literal["paired", "combined", "same networks", ""]
"""How the interval of a difference was obtained; empty where there is none."""


@dataclass(frozen=True)
class Difference:
    """A number minus another one.

    Attributes:
        value: The difference.
        low: The lower end of its 95% interval; NaN if there is none.
        high: The upper end.
        how: ``paired``: image by image, on the same images; ``combined``: from the intervals of both numbers, as if
            they were independent; ``same networks``: there is nothing to test.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    how: How = ""

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def combined(number: pd.Series, other: pd.Series) -> Difference:
    """Return a difference of two rows of tidy results, with the interval that follows from both intervals."""
    low, high = square_and_add(
        Interval(float(number["ci_low"]), float(number["ci_high"])),
        float(number["value"]),
        Interval(float(other["ci_low"]), float(other["ci_high"])),
        float(other["value"]),
    )
    value = float(number["value"] - other["value"])
    return Difference(value) if math.isnan(low) or math.isnan(high) else Difference(value, low, high, "combined")


def paired(number: np.ndarray, other: np.ndarray, metric: Metric) -> Difference | None:
    """Return the difference of two means over the same images.

    Args:
        number: The values of one method's networks for each image, bool or float (S, N).
        other: Those of another method on the same images, (T, N).
        metric: The metric.

    Returns:
        The difference with the interval that `MeanOverImages` gives it; None if there is no interval.
    """
    seen = MeanOverImages(np.concatenate([number, other]), share=metric.unit == "fraction")
    rows = np.arange(len(number)), len(number) + np.arange(len(other))
    found = seen.of_difference(*rows)
    if found is None:
        return None
    value = float(seen.values[rows[0]].mean() - seen.values[rows[1]].mean())
    return Difference(value, found.interval.low, found.interval.high, "paired")
