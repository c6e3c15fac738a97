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
from robustkd.statistics.intervals import BOOTSTRAP_IMAGES, ROUNDING, WILSON_IMAGES, hull, unvaried, wilson
from robustkd.statistics.rates import paired_test
from robustkd.statistics.studentised import (
    T_IMAGES,
    OverImages,
    Side,
    Tested,
    clipped,
    consistent,
    t_interval,
    t_test,
)


@dataclass(frozen=True)
class MeanOverImages:
    """A metric that is a mean over images.

    Where all images give the same number, every resample does too, and the bootstrap would claim that the mean is known
    exactly. For a share, a number from 0 to 1, `unvaried` says how far other images could move it. A number without
    bounds, such as the negative log-likelihood, has no such limit: another image may give anything, so the images seen
    say nothing of the mean over others and there is no interval. Networks that differ on no image therefore have a
    difference of 0 without an interval, which is never significant.

    Attributes:
        seen: The value for each network and image, bool or float (M, N).
        share: Whether an image gives a number from 0 to 1; any number otherwise.
    """

    seen: np.ndarray
    share: bool = True

    @property
    def values(self) -> np.ndarray:
        """The mean of each network, float64 (M,)."""
        return np.asarray(self.seen.mean(axis=1, dtype=np.float64))

    def images(self, rows: np.ndarray) -> int:
        """The number of images N, the same for all networks."""
        return int(self.seen.shape[1])

    def of_network(self, row: int) -> Bounds | None:
        """Wilson's interval for yes and no, the bootstrap's for numbers."""
        if self.seen.dtype == np.bool_:
            return wilson(int(self.seen[row].sum()), len(self.seen[row])), WILSON_IMAGES
        return self._bootstrap(self.seen[row], 0)

    def of_mean(self, rows: np.ndarray) -> Bounds | None:
        """The interval of the mean over networks: over images and trainings from three on, else over images.

        Of one network its own interval, of two the bootstrap's of their mean for each image.
        """
        if len(rows) == 1:
            return self.of_network(rows[0])
        side = self._side(rows)
        if not side.counts:
            return self._bootstrap(self._mean(rows), 0)
        means = self._mean(rows)
        if bool(np.ptp(means) < ROUNDING) and side.variance < ROUNDING:
            return self._bootstrap(means, 0)
        interval, covers = t_interval(float(means.mean()), OverImages(side.mean, len(means) - 1), [side])
        if self.share:
            interval = clipped(hull(interval, unvaried(float(means.mean()), len(means))), 0, 1)
        return interval, covers

    def of_difference(self, rows: np.ndarray, others: np.ndarray) -> Tested | None:
        """The paired difference, for each image: McNemar's test for yes and no of two networks, else Student's."""
        differences = self._mean(rows) - self._mean(others)
        value = float(differences.mean())
        if len(rows) == len(others) == 1 and self.seen.dtype == np.bool_:
            return paired_test(self.seen[rows[0]], self.seen[others[0]])
        sides = [self._side(rows), self._side(others)]
        if np.ptp(differences) < ROUNDING and not any(side.counts and side.variance > ROUNDING for side in sides):
            return consistent(unvaried(value, len(differences), -1), T_IMAGES, 1.0) if self.share else None
        differing = int(np.count_nonzero(np.abs(differences) > ROUNDING))
        variance = float(differences.var(ddof=1)) / len(differences) if len(differences) > 1 else 0.0
        images = OverImages(variance, differing - 1)
        narrowest = unvaried(value, len(differences), -1) if self.seen.dtype == np.bool_ else None
        found = t_test(value, images, sides, narrowest)
        return found._replace(interval=clipped(found.interval, -1, 1)) if self.share else found

    def _side(self, rows: np.ndarray) -> Side:
        seen = self.seen[rows].astype(np.float64)
        count = seen.shape[1]
        if count < 2:
            return Side(seen.mean(axis=1), 0.0, 0.0)
        return Side(
            seen.mean(axis=1),
            float(seen.var(axis=1, ddof=1).mean()) / count,
            float(seen.mean(axis=0).var(ddof=1)) / count,
        )

    def _bootstrap(self, values: np.ndarray, lowest: float) -> Bounds | None:
        same = bool(np.ptp(values) < ROUNDING)
        if same and not self.share:
            return None
        interval = bootstrap_mean(values)
        if self.share and (same or self.seen.dtype == np.bool_):
            interval = hull(interval, unvaried(float(values.mean()), len(values), lowest))
        return interval, BOOTSTRAP_IMAGES

    def _mean(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(self.seen[rows].mean(axis=0, dtype=np.float64))


def per_image_rows(
    members: pd.DataFrame, values: Mapping[str, np.ndarray], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Lay out metrics that are means over images; see `metric_rows`.

    Args:
        members: One row per network.
        values: For each metric an array (members, images), bool or float.
        metrics: The metrics in `values`, and differences to the baseline of one of them; others are ignored.

    Returns:
        Rows for `tidy`.
    """
    shares = {metric.name for metric in metrics if metric.unit == "fraction"}
    return metric_rows(members, {name: MeanOverImages(seen, name in shares) for name, seen in values.items()}, metrics)
