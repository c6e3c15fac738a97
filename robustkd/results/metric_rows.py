"""Rows of a metric: each network, each method as the mean over its seeds, each difference to the baseline."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from robustkd.results.groups import Group, baseline_of, groups_of, mean_over_seeds, std_over_seeds
from robustkd.results.marks import is_below, ties_with_best
from robustkd.results.measured import Measured, bounds
from robustkd.results.metric import Metric
from robustkd.results.tidy import method_row, network_row


def metric_rows(
    members: pd.DataFrame, measured: Mapping[str, Measured], metrics: tuple[Metric, ...]
) -> list[dict[str, Any]]:
    """Lay out each network, each method as the mean over its seeds, and each difference to the baseline.

    Args:
        members: One row per network.
        measured: By metric, networks in the order of `members`.
        metrics: Those in `measured`, and differences to the baseline of one in `measured`; others are passed over.

    Returns:
        Rows for `tidy`; a metric that is defined for no seed of a method has no value.
    """
    groups = groups_of(members)
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        if metric.difference_of is not None and metric.difference_of in measured:
            rows += _difference_rows(groups, metric, measured[metric.difference_of])
        elif metric.name in measured:
            rows += _network_rows(members, metric, measured[metric.name])
            rows += _method_rows(groups, metric, measured[metric.name])
    return rows


def _network_rows(members: pd.DataFrame, metric: Metric, found: Measured) -> Iterator[dict[str, Any]]:
    for row, (_, member) in enumerate(members.iterrows()):
        value = float(found.values[row])
        known = {"value": value, "n": found.images(np.array([row]))}
        yield network_row(member, metric) | known | bounds(found.of_network(row))


def _method_rows(groups: list[Group], metric: Metric, found: Measured) -> Iterator[dict[str, Any]]:
    ties = ties_with_best(groups, metric, found)
    for group in groups:
        baseline = baseline_of(group, groups) if group.who["role"] == "student" else None
        yield {
            **method_row(group, metric),
            "value": mean_over_seeds(found.values[group.rows]),
            "std": std_over_seeds(found.values[group.rows]),
            "n": found.images(group.rows),
            "below_baseline": None if baseline is None else is_below(metric, found, group, baseline),
            "ties_best": ties.get(group.method),
            **bounds(found.of_mean(group.rows)),
        }


def _difference_rows(groups: list[Group], metric: Metric, found: Measured) -> Iterator[dict[str, Any]]:
    for group in groups:
        baseline = baseline_of(group, groups)
        if group.who["role"] != "student" or baseline is None:
            continue
        own, theirs = (mean_over_seeds(found.values[rows]) for rows in (group.rows, baseline.rows))
        row = {**method_row(group, metric), "n": found.images(group.rows)}
        if own is not None and theirs is not None:
            row |= {"value": own - theirs, "std": _paired_std(group, baseline, found.values)}
            row |= bounds(found.of_difference(group.rows, baseline.rows))
        yield row


def _paired_std(group: Group, baseline: Group, values: np.ndarray) -> float | None:
    """The std over seeds of the difference between networks of the same seed, where there are two such pairs."""
    theirs = dict(zip(baseline.seeds, baseline.rows, strict=True))
    pairs = [
        (row, theirs[seed])
        for seed, row in zip(group.seeds, group.rows, strict=True)
        if seed is not None and seed in theirs
    ]
    return std_over_seeds(np.array([values[row] - values[other] for row, other in pairs]))
