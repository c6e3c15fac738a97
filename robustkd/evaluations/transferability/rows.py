"""From the records of the transferability evaluation to tidy rows; below, the means over the seeds of a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from robustkd.evaluations.transferability.mean_rows import mean_rows
from robustkd.evaluations.transferability.own_rows import masking_rows, own_rows
from robustkd.evaluations.transferability.pair_rows import (
    class_rows,
    pair_rows,
    standardised_rows,
    sweep_rows,
    variant_rows,
)
from robustkd.evaluations.transferability.row import Row
from robustkd.evaluations.transferability.teacher_rows import asymmetry_rows, from_teacher_rows
from robustkd.results.groups import groups_of
from robustkd.results.measured import Bounds, bounds
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.statistics.intervals import T_SEEDS, Interval, t_over_seeds

MEAN_INTERVAL = "95% over test images, mean of the networks' intervals"


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return every row that follows from the records.

    Args:
        records: The records of the transferability evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`.
    """
    rates = [*mean_rows(records), *from_teacher_rows(records), *asymmetry_rows(records)]
    return [
        *pair_rows(records),
        *rates,
        *_over_seeds(records, rates),
        *own_rows(records, metrics),
        *masking_rows(records),
        *standardised_rows(records),
        *variant_rows(records),
        *class_rows(records),
        *sweep_rows(records),
    ]


def _over_seeds(records: Records, rows: Iterable[Row]) -> Iterator[Row]:
    """The mean over the networks of a method, for the metrics that are not means over images."""
    values = [row for row in rows if row["level"] == "network" and row["value"] is not None]
    for group in groups_of(records.members):
        names = {records.members["member"][row] for row in group.rows}
        own = [row for row in values if row["member"] in names]
        for metric in dict.fromkeys(row["metric"] for row in own):
            yield _method_row(group.method, [row for row in own if row["metric"] == metric])


def _method_row(method: str, networks: list[Row]) -> Row:
    row = {**networks[0], "level": "method", "member": method, "seed": None, "n_seeds": len(networks)}
    if len(networks) == 1:
        return row
    values = np.array([network["value"] for network in networks])
    row |= {"value": float(values.mean()), "std": float(values.std(ddof=1)), "p_holm": None}
    return row | {"ci_low": None, "ci_high": None, "interval": None} | bounds(_of_mean(values, networks))


def _of_mean(values: np.ndarray, networks: list[Row]) -> Bounds | None:
    """The t-interval over seeds from three seeds on; for two, the variation over test images.

    The standard error of a mean is at most the mean of the standard errors, however they depend on each other; so the
    mean of the networks' intervals is wide enough.
    """
    if (over_seeds := t_over_seeds(values)) is not None:
        return over_seeds, T_SEEDS
    low, high = (np.mean([network.get(end, np.nan) for network in networks]) for end in ("ci_low", "ci_high"))
    return None if np.isnan(low) else (Interval(float(low), float(high)), MEAN_INTERVAL)
