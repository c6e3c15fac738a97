"""From tidy results to the tables of a report."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from robustkd.evaluations import EVALUATIONS, Evaluation
from robustkd.presentation.numbers import interval, number, unit_sign
from robustkd.reporting.table import Cell, Column, Table
from robustkd.reporting.trust import Trust
from robustkd.results.metric import Metric
from robustkd.results.result import Result, slices
from robustkd.statistics.intervals import ROUNDING, T_SEEDS

MEANINGS = (
    "Bold: best, or not significantly worse than the best (paired bootstrap, Holm). ▼: worse than the independent "
    "baseline."
)
SPREADS = "±: standard deviation over seeds. [ ]: 95% interval over images, t[ ] over seeds."
_ORDER = ("teacher", "baseline", "student")


def tables_of(result: Result, trust: Trust) -> list[Table]:
    """Lay out an evaluation: the matrix of its pairs if there are any, and its metrics by method or network.

    Args:
        result: Of the evaluation.
        trust: What voids its numbers; such are marked.

    Returns:
        The tables; where a study has several parts, those of one after those of another.
    """
    tables = []
    for each in slices(result.frame):
        evaluation, part = EVALUATIONS[result.evaluation](), replace(result, frame=_told_of(each.frame, result.frame))
        matrices = [_matrix(part, evaluation, trust)] if (each.frame["level"] == "pair").any() else []
        name = f"{evaluation.name}_networks" if matrices else evaluation.name
        found = [*matrices, *_metrics_tables(part, evaluation, name, trust)]
        tables += [_titled(table, each.title) for table in found]
    return _captions_once(tables)


def summary_tables(results: Sequence[Result], trust: Mapping[str, Trust]) -> list[Table]:
    """Lay out the first table of a report: for each method the numbers that stand for each evaluation.

    Args:
        results: Of all evaluations.
        trust: For each evaluation what voids its numbers.

    Returns:
        One table; where a study has several parts, one of the first metric by part, then one for each part. None where
        there is no such number.
    """
    parts = list(dict.fromkeys(each.title for result in results for each in slices(result.frame)))
    standing = _standing_for(results)
    tables = [_overview(*standing[0], trust[standing[0][0].evaluation])] if len(parts) > 1 and standing else []
    for title in parts:
        held = [
            replace(result, frame=_told_of(each.frame, result.frame))
            for result in results
            for each in slices(result.frame)
            if each.title == title
        ]
        chosen = _standing_for(held)
        tables += [_titled(_summary_table(chosen, trust), title)] if chosen else []
    return _captions_once(tables)


def _standing_for(results: Iterable[Result]) -> list[tuple[Result, Metric]]:
    """The metrics that stand for their evaluations, as far as there are rows of them."""
    chosen = []
    for result in results:
        evaluation = EVALUATIONS[result.evaluation]()
        metrics = [evaluation.metric(name) for name in evaluation.summary]
        chosen += [(result, metric) for metric in metrics if (result.frame["metric"] == metric.name).any()]
    return chosen


def _told_of(part: pd.DataFrame, whole: pd.DataFrame) -> pd.DataFrame:
    """Leave out what has no value in this part of a study and has one in others, as rare classes of a clean set."""
    here, anywhere = (set(frame.loc[frame["value"].notna(), "metric"]) for frame in (part, whole))
    return part[part["metric"].isin(here) | ~part["metric"].isin(anywhere)]


def _captions_once(tables: list[Table]) -> list[Table]:
    """Of tables with one caption, only the last keeps it."""
    last = {table.caption: index for index, table in enumerate(tables)}
    return [table if last[table.caption] == index else replace(table, caption="") for index, table in enumerate(tables)]


def _overview(result: Result, metric: Metric, trust: Trust) -> Table:
    """One metric, methods in rows and parts in columns, as the papers print it."""
    parts = slices(result.frame)
    methods = _methods(result.frame)
    rows = tuple(
        (
            _label(method, methods[method]),
            tuple(_cell(_of_method(each.frame, metric, method), metric, trust) for each in parts),
        )
        for method in methods
    )
    columns = tuple(replace(_column(metric), title=each.title) for each in parts)
    return Table("overview", "Network", columns, rows, f"{metric.title}: {metric.meaning} {MEANINGS} {SPREADS}")


def _titled(table: Table, title: str) -> Table:
    if not title:
        return table
    slug = re.sub(r"[^\w.]+", "-", title).strip("-")
    return replace(table, name=f"{table.name}-{slug}", title=": ".join(filter(None, (title, table.title))))


def _methods(frame: pd.DataFrame) -> dict[str, str]:
    """The methods of a frame and their roles, teachers first, then baselines."""
    found = dict(zip(frame["method"], frame["role"], strict=True))
    return {name: found[name] for name in sorted(found, key=lambda name: _ORDER.index(found[name]))}


def _summary_table(chosen: Sequence[tuple[Result, Metric]], trust: Mapping[str, Trust]) -> Table:
    methods = _methods(pd.concat([result.frame[["method", "role"]] for result, _ in chosen]))
    rows = []
    for method, role in methods.items():
        cells = tuple(
            _cell(_of_method(result.frame, metric, method), metric, trust[result.evaluation], brief=True)
            for result, metric in chosen
        )
        rows.append((_label(method, role), cells))
    columns = tuple(_column(metric) for _, metric in chosen)
    return Table("summary", "Network", columns, tuple(rows), f"{MEANINGS} {SPREADS}")


def _metrics_tables(result: Result, evaluation: Evaluation, name: str, trust: Trust) -> list[Table]:
    frame = result.frame
    level = "method" if (frame["level"] == "method").any() else "network"
    frame = frame[frame["level"] == level]
    shown = [metric for metric in evaluation.metrics if (frame["metric"] == metric.name).any()]
    tables = []
    for topic in dict.fromkeys(metric.table for metric in shown):
        metrics = [metric for metric in shown if metric.table == topic]
        table = _metrics_table(frame[frame["metric"].isin([metric.name for metric in metrics])], metrics, name, trust)
        tables.append(_titled(table, topic))
    return tables


def _metrics_table(frame: pd.DataFrame, metrics: Sequence[Metric], name: str, trust: Trust) -> Table:
    rows = []
    members = dict(zip(frame["member"], frame["role"], strict=True))
    for member in sorted(members, key=lambda name: _ORDER.index(members[name])):
        own = frame[frame["member"] == member].set_index("metric", drop=False)
        cells = tuple(
            _cell(own.loc[metric.name] if metric.name in own.index else None, metric, trust) for metric in metrics
        )
        rows.append((_label(member, members[member]), cells))
    columns = tuple(_column(metric) for metric in metrics)
    return Table(name, "Network", columns, tuple(rows), f"{MEANINGS} {SPREADS}")


def _matrix(result: Result, evaluation: Evaluation, trust: Trust) -> Table:
    pairs = result.frame[result.frame["level"] == "pair"]
    metric = evaluation.metric(pairs["metric"].iloc[0])
    sources, targets = dict.fromkeys(pairs["source"]), dict.fromkeys(pairs["member"])
    cells = {(row["member"], row["source"]): _plain(row, metric, trust) for _, row in pairs.iterrows()}
    on_target, from_source = (
        {row["member"]: _plain(row, metric, trust) for _, row in _networks(result.frame, name).iterrows()}
        for name in ("mean_on_target", "mean_from_source")
    )
    rows = [(target, (*(cells[target, source] for source in sources), on_target[target])) for target in targets]
    rows.append(("mean", (*(from_source[source] for source in sources), Cell(""))))
    columns = tuple(Column(source, unit_sign(metric)) for source in (*sources, "mean"))
    caption = f"{metric.title}: {metric.meaning} Sources in columns, targets in rows; means include the diagonal."
    return Table(evaluation.name, "target \\ source", columns, tuple(rows), caption, matrix=True)


def _networks(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    return frame[(frame["metric"] == metric) & (frame["level"] == "network")]


def _plain(row: pd.Series, metric: Metric, trust: Trust) -> Cell:
    return Cell(number(row["value"], metric), untrusted=trust.voids(row, metric))


def _of_method(frame: pd.DataFrame, metric: Metric, method: str) -> pd.Series | None:
    rows = frame[(frame["metric"] == metric.name) & (frame["method"] == method)]
    by_method = rows[rows["level"] == "method"]
    rows = by_method if len(by_method) else rows
    return rows.iloc[0] if len(rows) else None


def _cell(row: pd.Series | None, metric: Metric, trust: Trust, *, brief: bool = False) -> Cell:
    if row is None or pd.isna(row["value"]):
        return Cell("–")
    given = (
        metric.higher_is_better is None and pd.notna(row["std"]) and row["std"] < ROUNDING
    )  # by the study, not found by measuring
    if given:
        spread = ""
    elif row["interval"] == T_SEEDS:
        spread = "t" + interval(row["ci_low"], row["ci_high"], metric)
    elif metric.difference_of is None and pd.notna(row["std"]):
        spread = f"± {number(row['std'], metric)}"
    elif brief and metric.difference_of is None:
        spread = ""
    else:
        spread = interval(row["ci_low"], row["ci_high"], metric)
    return Cell(
        number(row["value"], metric),
        spread,
        best=bool(pd.notna(row["ties_best"]) and row["ties_best"]),
        below_baseline=bool(pd.notna(row["below_baseline"]) and row["below_baseline"]),
        untrusted=trust.voids(row, metric),
    )


def _column(metric: Metric) -> Column:
    arrow = {True: "↑", False: "↓", None: ""}[metric.higher_is_better]
    return Column(metric.title, unit_sign(metric), arrow, metric.meaning)


def _label(name: str, role: str) -> str:
    return name if name == role or role == "student" else f"{name} ({role})"
