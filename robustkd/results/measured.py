"""The values of a metric for some networks, and their intervals: what rows of a table are made of."""

from typing import Any, Protocol

import numpy as np

from robustkd.statistics.intervals import Interval
from robustkd.statistics.studentised import Tested

Bounds = tuple[Interval, str]
"""An interval and what it covers."""


HANDFUL = 5
"""The largest number of images that is named beside an interval."""


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


def of_test(found: Tested | None, images: int | None = None) -> dict[str, Any]:
    """Return the columns of a tested difference; none if there is no test; see `bounds`."""
    if found is None:
        return {}
    return bounds((found.interval, found.covers), images) | {"p_value": found.p_value}


def bounds(found: Bounds | None, images: int | None = None) -> dict[str, Any]:
    """Return the columns of an interval; none if there is no interval.

    Args:
        found: The interval and what it covers.
        images: The number of images that it rests on, if known; a handful is named beside it.
    """
    if found is None:
        return {}
    interval, covers = found
    few = f", of only {images} image{'s' if images > 1 else ''}" if images is not None and images <= HANDFUL else ""
    return {"ci_low": interval.low, "ci_high": interval.high, "interval": covers + few}
