"""How much of the transfer needs no explanation by what networks share: noise of the same size, and accuracy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from robustkd.attacks.counting import jointly_correct
from robustkd.evaluations.transferability.matrix import pair_of
from robustkd.evaluations.transferability.row import Row, member_row, others_than_teacher, rate_of, teacher_of
from robustkd.results.measured import bounds
from robustkd.results.records import Records
from robustkd.statistics.bootstrap import defined_percentiles, resampled_means
from robustkd.statistics.intervals import BOOTSTRAP_IMAGES
from robustkd.statistics.rates import Counted
from robustkd.statistics.resampling import ratio

FEWEST_NETWORKS = 4
"""With fewer networks, a line through their points explains most of whatever there is."""


def noise_rows(records: Records) -> Iterator[Row]:
    """The share of the correctly classified images of each network that random noise of the attack's size fools."""
    arrays, members = records.arrays, records.members
    if "noise" not in arrays:
        return
    for member in range(len(members)):
        eligible = arrays["clean"][member] == arrays["label"]
        counted = Counted(eligible & (arrays["noise"][member] != arrays["label"]), eligible)
        yield member_row(members, member) | {"metric": "noise_success"} | rate_of(counted)


def explained_rows(records: Records) -> Iterator[Row]:
    """The part of the variance over targets of transfer from the teacher that a line in their accuracy explains."""
    members, teacher = records.members, teacher_of(records.members)
    targets = others_than_teacher(members)
    if teacher is None or len(targets) < FEWEST_NETWORKS:
        return
    arrays = records.arrays
    right = arrays["clean"][targets] == arrays["label"]
    counted = [jointly_correct(pair_of(arrays, teacher, target)) for target in targets]
    seen = np.stack([*right, *(each.events for each in counted), *(each.eligible for each in counted)])
    accuracy, events, eligible = np.split(resampled_means(seen.astype(np.float64)), 3, axis=1)
    value = explained_variance(right.mean(axis=1)[None], np.array([[each.rate for each in counted]]))[0]
    if np.isnan(value):
        return
    samples = explained_variance(accuracy, ratio(events, eligible))
    interval = defined_percentiles(samples)
    row = member_row(members, teacher) | {"level": "detail", "metric": "explained_by_accuracy"}
    row |= {"part": f"over {len(targets)} networks", "value": float(value), "n": right.shape[1]}
    yield row | bounds(None if interval is None else (interval, BOOTSTRAP_IMAGES))


def explained_variance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return R² of the least-squares line of y in x, which is the square of Pearson's correlation.

    Args:
        x: float64 (R, T).
        y: float64 (R, T).

    Returns:
        float64 (R,), 0 to 1; NaN where x or y does not vary.
    """
    x, y = x - x.mean(axis=1, keepdims=True), y - y.mean(axis=1, keepdims=True)
    spread = (x**2).sum(axis=1) * (y**2).sum(axis=1)
    return ratio((x * y).sum(axis=1) ** 2, np.where(spread > 1e-18, spread, 0))
