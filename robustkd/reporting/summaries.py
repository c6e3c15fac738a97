"""The first tables of a report."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.reporting.captions import captions_once, titled
from robustkd.reporting.cells import cell, column
from robustkd.reporting.rows import label, methods_of, of_method, with_values
from robustkd.reporting.table import Table
from robustkd.reporting.trust import Trust
from robustkd.results.metric import Metric
from robustkd.results.result import Result, slices


def summary_tables(results: Sequence[Result], trust: Mapping[str, Trust]) -> list[Table]:
    """Lay out the first tables of a report: for each method the summary metrics of each evaluation.

    Args:
        results: The results of all evaluations.
        trust: For each evaluation, what is known about the validity of its numbers.

    Returns:
        One table; where a study has several parts, one of the first metric by part, then one for each part. Parts
        without a summary metric have no table.
    """
    parts = list(dict.fromkeys(each.title for result in results for each in slices(result.frame)))
    standing = _standing_for(results)
    tables = [_overview(*standing[0], trust[standing[0][0].evaluation])] if len(parts) > 1 and standing else []
    for title in parts:
        held = [
            replace(result, frame=with_values(each.frame, result.frame))
            for result in results
            for each in slices(result.frame)
            if each.title == title
        ]
        chosen = _standing_for(held)
        tables += [titled(_summary_table(chosen, trust), title)] if chosen else []
    return captions_once(tables)


def _standing_for(results: Iterable[Result]) -> list[tuple[Result, Metric]]:
    """The summary metrics of each evaluation that have rows."""
    chosen = []
    for result in results:
        evaluation = EVALUATIONS[result.evaluation]()
        metrics = [evaluation.metric(name) for name in evaluation.summary]
        chosen += [(result, metric) for metric in metrics if (result.frame["metric"] == metric.name).any()]
    return chosen


def _overview(result: Result, metric: Metric, trust: Trust) -> Table:
    """One metric, methods in rows and parts in columns, as the papers print it."""
    parts = slices(result.frame)
    methods = methods_of(result.frame)
    rows = tuple(
        (
            label(method, methods[method]),
            tuple(cell(of_method(each.frame, metric, method), metric, trust) for each in parts),
        )
        for method in methods
    )
    columns = tuple(replace(column(metric), title=each.title) for each in parts)
    return Table("overview", "Network", columns, rows, f"{metric.title}: {metric.meaning}")


def _summary_table(chosen: Sequence[tuple[Result, Metric]], trust: Mapping[str, Trust]) -> Table:
    methods = methods_of(pd.concat([result.frame[["method", "role"]] for result, _ in chosen]))
    frames = [result.frame[result.frame["metric"] == metric.name] for result, metric in chosen]
    rows = []
    for method, role in methods.items():
        cells = tuple(
            cell(of_method(frame, metric, method), metric, trust[result.evaluation], brief=True)
            for frame, (result, metric) in zip(frames, chosen, strict=True)
        )
        rows.append((label(method, role), cells))
    columns = tuple(column(metric, EVALUATIONS[result.evaluation]()) for result, metric in chosen)
    return Table("summary", "Network", columns, tuple(rows))
