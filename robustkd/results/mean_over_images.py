"""Metrics that are means over images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.measured import Bounds
from robustkd.results.metric import Metric
from robustkd.results.metric_rows import metric_rows
from robustkd.statistics.bootstrap import bootstrap_mean
from robustkd.statistics.intervals import (
    BOOTSTRAP_IMAGES,
    ROUNDING,
    WILSON_IMAGES,
    Interval,
    hull,
    unvaried,
    wilson,
    with_zero,
)
from robustkd.statistics.significance import FEWEST_DIFFERING


@dataclass(frozen=True)
class MeanOverImages:
    """A metric that is a mean over images.

    Attributes:
        seen: bool or float (M, N), its value for each network and image.
        share: Whether an image gives 0 to 1; any number else.
    """

    seen: np.ndarray
    share: bool = True

    @property
    def values(self) -> np.ndarray:
        """Of each network."""
        return np.asarray(self.seen.mean(axis=1, dtype=np.float64))

    def images(self, rows: np.ndarray) -> int:
        """N, for whatever networks."""
        return int(self.seen.shape[1])

    def of_network(self, row: int) -> Bounds:
        """Wilson's for yes and no, the bootstrap's for numbers."""
        if self.seen.dtype == np.bool_:
            return wilson(int(self.seen[row].sum()), len(self.seen[row])), WILSON_IMAGES
        return self._bootstrap(self.seen[row], 0), BOOTSTRAP_IMAGES

    def of_mean(self, rows: np.ndarray) -> Bounds:
        """The bootstrap's, of the mean over networks for each image; of one network its own."""
        return self.of_network(rows[0]) if len(rows) == 1 else (self._bootstrap(self._mean(rows), 0), BOOTSTRAP_IMAGES)

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> Bounds:
        """The bootstrap's, of the differences for each image: paired; it holds 0 where very few images differ."""
        differences = self._mean(rows) - self._mean(others)
        interval = self._bootstrap(differences, -1)
        few = np.count_nonzero(differences) < FEWEST_DIFFERING
        return (with_zero(interval) if few else interval), BOOTSTRAP_IMAGES

    def _bootstrap(self, values: np.ndarray, lowest: float) -> Interval:
        interval = bootstrap_mean(values)
        unsure = self.share and (self.seen.dtype == np.bool_ or np.ptp(values) < ROUNDING)
        return hull(interval, unvaried(float(values.mean()), len(values), lowest)) if unsure else interval

    def _mean(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.seen[rows].mean(axis=0, dtype=np.float64))


def per_image_rows(
    members: pd.DataFrame, values: Mapping[str, np.ndarray], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Lay out metrics that are means over images; see `metric_rows`.

    Args:
        members: One row per network.
        values: For each metric an array (members, images), bool or float.
        metrics: Those in `values`, and those that are differences to the baseline of one in `values`.

    Returns:
        Rows for `tidy`.
    """
    shares = {metric.name for metric in metrics if metric.unit == "fraction"}
    return metric_rows(members, {name: MeanOverImages(seen, name in shares) for name, seen in values.items()}, metrics)
