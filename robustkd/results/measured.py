"""The values of a metric for some networks, and their intervals: what rows of a table are made of."""

from typing import Any, Protocol

import numpy as np

from robustkd.statistics.intervals import Interval
from robustkd.statistics.studentised import Tested

Bounds = tuple[Interval, str]
"""An interval and what it covers."""


class Measured(Protocol):
    """The values of a metric for some networks, all on the same images, and the intervals of these values."""

    @property
    def values(self) -> np.ndarray:
        """The value of each network, float64 (M,); NaN where it is not defined."""

    def images(self, rows: np.ndarray) -> int:
        """Return the number of images that count for some networks, on average."""

    def of_network(self, row: int) -> Bounds | None:
        """Return the interval of one network; None if there is none."""

    def of_mean(self, rows: np.ndarray) -> Bounds | None:
        """Return the interval of a mean over networks."""

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> Tested | None:
        """Return interval and test of the mean over some networks minus that over others, on the same images."""


def of_test(found: Tested | None) -> dict[str, Any]:
    """Return the columns of a tested difference; none if there is no test."""
    if found is None:
        return {}
    return bounds((found.interval, found.covers)) | {"p_value": found.p_value}


def bounds(found: Bounds | None) -> dict[str, Any]:
    """Return the columns of an interval; none where there is no interval."""
    if found is None:
        return {}
    interval, covers = found
    return {"ci_low": interval.low, "ci_high": interval.high, "interval": covers}
