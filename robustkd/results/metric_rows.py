"""Rows of a metric: each network, each method as the mean over its seeds, each difference to the baseline."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.comparison import Comparison, compare_with
from robustkd.results.groups import Group, groups_of, mean_over_seeds, std_over_seeds
from robustkd.results.marks import below_baseline, ties_with_best
from robustkd.results.measured import Measured, bounds, of_test
from robustkd.results.metric import Metric
from robustkd.results.tidy import method_row, network_row


def metric_rows(
    members: pd.DataFrame, measured: Mapping[str, Measured], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Lay out each network, each method as the mean over its seeds, and each difference to the baseline.

    Args:
        members: One row per network.
        measured: By the name of a metric, its values for the networks in the order of `members`.
        metrics: The metrics in `measured`, and differences to the baseline of one of them; others are ignored.

    Returns:
        Rows for `tidy`; a metric that is defined for no seed of a method has no value.
    """
    groups = groups_of(members)
    compared = {name: compare_with("baseline", groups, found) for name, found in measured.items()}
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        if metric.difference_of is not None and metric.difference_of in measured:
            found, to_baseline = measured[metric.difference_of], compared[metric.difference_of]
            rows += _difference_rows(
                metric, found, to_baseline if metric.reference == "baseline" else compare_with("control", groups, found)
            )
        elif metric.name in measured:
            rows += _network_rows(members, metric, measured[metric.name])
            rows += _method_rows(groups, metric, measured[metric.name], compared[metric.name])
    return rows


def _network_rows(members: pd.DataFrame, metric: Metric, found: Measured) -> Iterator[dict[str, Any]]:
    for row, (_, member) in enumerate(members.iterrows()):
        value = float(found.values[row])
        images = found.images(np.array([row]))
        known = {"value": value, "n": images}
        yield network_row(member, metric) | known | bounds(found.of_network(row), images)


def _method_rows(
    groups: Sequence[Group], metric: Metric, found: Measured, compared: Sequence[Comparison]
) -> Iterator[dict[str, Any]]:
    below = below_baseline(metric, compared)
    ties = ties_with_best(metric, groups, found, below)
    for group in groups:
        yield {
            **method_row(group, metric),
            "value": mean_over_seeds(found.values[group.rows]),
            "std": std_over_seeds(found.values[group.rows]),
            "n": found.images(group.rows),
            "below_baseline": below.get(group.method),
            "ties_best": ties.get(group.method),
            **bounds(found.of_mean(group.rows), found.images(group.rows)),
        }


def _difference_rows(metric: Metric, found: Measured, compared: Sequence[Comparison]) -> Iterator[dict[str, Any]]:
    for each in compared:
        row = {**method_row(each.group, metric), "n": found.images(each.group.rows)}
        if not np.isnan(each.value):
            row |= {"value": each.value, "std": _paired_std(each, found.values)} | of_test(each.test, row["n"])
        yield row


def _paired_std(compared: Comparison, values: np.ndarray) -> float | None:
    """The std over seeds of the difference between networks of the same seed, where there are two such pairs."""
    group, baseline = compared.group, compared.baseline
    theirs = dict(zip(baseline.seeds, baseline.rows, strict=True))
    pairs = [
        (row, theirs[seed])
        for seed, row in zip(group.seeds, group.rows, strict=True)
        if seed is not None and seed in theirs
    ]
    return std_over_seeds(np.array([values[row] - values[other] for row, other in pairs]))
