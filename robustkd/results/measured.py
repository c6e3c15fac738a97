"""What a metric of some networks must offer to become rows of a table."""

from typing import Any, Protocol

import numpy as np

from robustkd.statistics.intervals import (
    Interval,
)

Bounds = tuple[Interval, str]
"""An interval and what it covers."""


class Measured(Protocol):
    """A metric of some networks, all on the same images, with what other images would have made of it."""

    @property
    def values(self) -> np.ndarray:
        """Of each network, float64 (M,); NaN where it is not defined."""

    def images(self, rows: np.ndarray) -> int:
        """How many images count for some networks, on average."""

    def of_network(self, row: int) -> Bounds | None:
        """Give the interval of one network; None where there is none."""

    def of_mean(self, rows: np.ndarray) -> Bounds | None:
        """Give the interval of a mean over networks."""

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> Bounds | None:
        """Give the interval of the mean over some networks minus that over others, on the same images."""


def bounds(found: Bounds | None) -> dict[str, Any]:
    """Write an interval into the columns of a row; nothing where there is none."""
    if found is None:
        return {}
    interval, covers = found
    return {"ci_low": interval.low, "ci_high": interval.high, "interval": covers}
