"""The tables of one evaluation, from its tidy results."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.presentation.numbers import unit_sign
from robustkd.reporting.captions import captions_once, titled
from robustkd.reporting.cells import cell, column, plain_cell
from robustkd.reporting.rows import by_role, label, with_values
from robustkd.reporting.table import Cell, Column, Table
from robustkd.reporting.trust import Trust
from robustkd.results.metric import Metric
from robustkd.results.result import Result, slices


def tables_of(result: Result, trust: Trust) -> list[Table]:
    """Lay out an evaluation: the matrix of its pairs if there are any, and its metrics by method or network.

    Args:
        result: The result of the evaluation.
        trust: What is known about the validity of its numbers; void numbers are struck out.

    Returns:
        The tables; where a study has several parts, those of one part after those of another.
    """
    tables = []
    for each in slices(result.frame):
        evaluation = EVALUATIONS[result.evaluation]()
        part = replace(result, frame=with_values(each.frame, result.frame))
        # other evaluations compare some pairs, such as two baselines, and have no mean over sources
        matrices = [_matrix(part, evaluation, trust)] if (each.frame["metric"] == "mean_on_target").any() else []
        name = f"{evaluation.name}_networks" if matrices else evaluation.name
        found = [*matrices, *_metrics_tables(part, evaluation, name, trust)]
        tables += [titled(table, each.title) for table in found]
    return captions_once(tables)


def _metrics_tables(result: Result, evaluation: Evaluation, name: str, trust: Trust) -> list[Table]:
    frame = result.frame
    level = "method" if (frame["level"] == "method").any() else "network"
    frame = frame[frame["level"] == level]
    shown = [metric for metric in evaluation.metrics if (frame["metric"] == metric.name).any()]
    tables = []
    for topic in dict.fromkeys(metric.table for metric in shown):
        metrics = [metric for metric in shown if metric.table == topic]
        table = _metrics_table(frame[frame["metric"].isin([metric.name for metric in metrics])], metrics, name, trust)
        tables.append(titled(table, topic))
    return tables


def _metrics_table(frame: pd.DataFrame, metrics: Sequence[Metric], name: str, trust: Trust) -> Table:
    rows = []
    members = dict(zip(frame["member"], frame["role"], strict=True))
    for member in by_role(members):
        own = {row["metric"]: row for _, row in frame[frame["member"] == member].iterrows()}
        cells = tuple(cell(own.get(metric.name), metric, trust) for metric in metrics)
        rows.append((label(member, members[member]), cells))
    columns = tuple(column(metric) for metric in metrics)
    return Table(name, "Network", columns, tuple(rows))


def _matrix(result: Result, evaluation: Evaluation, trust: Trust) -> Table:
    pairs = result.frame[result.frame["level"] == "pair"]
    metric = evaluation.metric(pairs["metric"].iloc[0])
    sources, targets = dict.fromkeys(pairs["source"]), dict.fromkeys(pairs["member"])
    cells = {(row["member"], row["source"]): plain_cell(row, metric, trust) for _, row in pairs.iterrows()}
    on_target, from_source = (
        {row["member"]: plain_cell(row, metric, trust) for _, row in _networks(result.frame, name).iterrows()}
        for name in ("mean_on_target", "mean_from_source")
    )
    rows = [(target, (*(cells[target, source] for source in sources), on_target[target])) for target in targets]
    rows.append(("mean", (*(from_source[source] for source in sources), Cell(""))))
    columns = tuple(Column(source, unit_sign(metric)) for source in (*sources, "mean"))
    caption = (
        f"{metric.title}: {metric.meaning} Columns: source of the attack; rows: target. Means include the diagonal."
    )
    return Table(evaluation.name, "target \\ source", columns, tuple(rows), caption, matrix=True)


def _networks(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    return frame[(frame["metric"] == metric) & (frame["level"] == "network")]
