"""From the records of the transferability evaluation to tidy rows; below, the means over the seeds of a method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from robustkd.evaluations.transferability.accuracy_rows import explained_rows, noise_rows
from robustkd.evaluations.transferability.mean_rows import mean_rows
from robustkd.evaluations.transferability.network_rows import network_bootstrap_rows
from robustkd.evaluations.transferability.own_rows import masking_rows, own_rows
from robustkd.evaluations.transferability.pair_rows import (
    class_rows,
    pair_rows,
    standardised_rows,
    sweep_rows,
    variant_rows,
)
from robustkd.evaluations.transferability.request_rows import request_rows
from robustkd.evaluations.transferability.row import Row
from robustkd.evaluations.transferability.teacher_rows import asymmetry_rows, from_teacher_rows
from robustkd.results.groups import groups_of
from robustkd.results.measured import bounds, of_test
from robustkd.results.metric import Metric
from robustkd.results.records import Records
from robustkd.statistics.intervals import Z
from robustkd.statistics.studentised import OverImages, Side, Tested, clipped, t_test


def all_rows(records: Records, metrics: tuple[Metric, ...]) -> list[Row]:
    """Return every row that follows from the records.

    Args:
        records: The records of the transferability evaluation.
        metrics: The metrics of the evaluation.

    Returns:
        Rows for `tidy`.
    """
    rates = [*mean_rows(records), *from_teacher_rows(records), *asymmetry_rows(records), *noise_rows(records)]
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
        *explained_rows(records),
        *network_bootstrap_rows(records),
        *request_rows(records, metrics),
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
    row |= {"value": float(values.mean()), "std": float(values.std(ddof=1))}
    row |= {"ci_low": None, "ci_high": None, "interval": None, "p_value": None}
    tests = any(network.get("p_value") is not None for network in networks)
    found = _of_mean(values, networks)
    return row | (of_test(found) if tests or found is None else bounds((found.interval, found.covers)))


def _of_mean(values: np.ndarray, networks: list[Row]) -> Tested | None:
    """Interval and test of a mean over networks, with the variation over images and, from three on, over seeds.

    The standard error of a mean is at most the mean of the standard errors, however they depend on each other; so the
    mean of the networks' intervals is wide enough for the images.
    """
    halves = [(row.get("ci_high", np.nan) - row.get("ci_low", np.nan)) / 2 for row in networks]
    if np.isnan(halves).any():
        return None
    images = OverImages((float(np.mean(halves)) / Z) ** 2, max(min(row.get("n", np.inf) for row in networks) - 1, 1))
    found = t_test(float(values.mean()), images, [Side(values, 0.0, 0.0)])
    lowest = -1.0 if any(row.get("p_value") is not None for row in networks) else 0.0
    return found._replace(interval=clipped(found.interval, lowest, 1.0))
