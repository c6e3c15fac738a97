"""From tidy results to the tables of a report."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from robustkd.evaluations import EVALUATIONS, Check, Evaluation, Metric, Result, slices
from robustkd.evaluations.wording import interval, number, unit_sign
from robustkd.reporting.table import Cell, Column, Table

MEANINGS = (
    "Bold: best, or not significantly worse than the best (paired bootstrap, Holm). ▼: worse than the independent "
    "baseline."
)
SPREADS = "±: standard deviation over seeds. [ ]: 95% interval over images."
Checks = tuple[Check, ...]

_ORDER = ("teacher", "baseline", "student")


def tables_of(result: Result, checks: Checks) -> list[Table]:
    """Lay out an evaluation: the matrix of its pairs if there are any, and its metrics by method or network.

    Args:
        result: Of the evaluation.
        checks: Those that concern it; a number for which one failed is marked.

    Returns:
        The tables; where a study has several parts, those of one after those of another.
    """
    tables = []
    for each in slices(result.frame):
        evaluation, part = EVALUATIONS[result.evaluation](), replace(result, frame=each.frame)
        matrices = [_matrix(part, evaluation)] if (each.frame["level"] == "pair").any() else []
        name = f"{evaluation.name}_networks" if matrices else evaluation.name
        found = [*matrices, _metrics_table(part, evaluation, name, checks)]
        tables += [_titled(table, each.title) for table in found]
    return _captions_once(tables)


def summary_tables(results: Sequence[Result], checks: Mapping[str, Checks]) -> list[Table]:
    """Lay out the first table of a report: for each method the numbers that stand for each evaluation.

    Args:
        results: Of all evaluations.
        checks: For each evaluation those that concern it.

    Returns:
        One table; where a study has several parts, one of the first metric by part, then one for each part.
    """
    parts = list(dict.fromkeys(each.title for result in results for each in slices(result.frame)))
    tables = [_overview(results[0], checks[results[0].evaluation])] if len(parts) > 1 else []
    for title in parts:
        held = [
            replace(result, frame=each.frame)
            for result in results
            for each in slices(result.frame)
            if each.title == title
        ]
        tables.append(_titled(_summary_table(held, checks), title))
    return _captions_once(tables)


def _captions_once(tables: list[Table]) -> list[Table]:
    """Of tables with one caption, only the last keeps it."""
    last = {table.caption: index for index, table in enumerate(tables)}
    return [table if last[table.caption] == index else replace(table, caption="") for index, table in enumerate(tables)]


def _overview(result: Result, checks: Checks) -> Table:
    """One metric, methods in rows and parts in columns, as the papers print it."""
    evaluation = EVALUATIONS[result.evaluation]()
    metric = evaluation.metric(evaluation.summary[0])
    parts = slices(result.frame)
    methods = _methods(result.frame)
    rows = tuple(
        (
            _label(method, methods[method]),
            tuple(_cell(_of_method(each.frame, metric, method), metric, each.frame, checks) for each in parts),
        )
        for method in methods
    )
    columns = tuple(replace(_column(metric), title=each.title) for each in parts)
    return Table("overview", "Network", columns, rows, f"{metric.title}: {metric.meaning} {MEANINGS} {SPREADS}")


def _titled(table: Table, title: str) -> Table:
    if not title:
        return table
    slug = re.sub(r"[^\w.]+", "-", title).strip("-")
    return replace(table, name=f"{table.name}-{slug}", title=title)


def _methods(frame: pd.DataFrame) -> dict[str, str]:
    """The methods of a frame and their roles, teachers first, then baselines."""
    found = dict(zip(frame["method"], frame["role"], strict=True))
    return {name: found[name] for name in sorted(found, key=lambda name: _ORDER.index(found[name]))}


def _summary_table(results: Iterable[Result], checks: Mapping[str, Checks]) -> Table:
    chosen: list[tuple[Result, Metric]] = []
    for result in results:
        evaluation = EVALUATIONS[result.evaluation]()
        metrics = [evaluation.metric(name) for name in evaluation.summary]
        chosen += [(result, metric) for metric in metrics if (result.frame["metric"] == metric.name).any()]
    methods = _methods(pd.concat([result.frame[["method", "role"]] for result, _ in chosen]))
    rows = []
    for method, role in methods.items():
        cells = tuple(
            _cell(_of_method(result.frame, metric, method), metric, result.frame, checks[result.evaluation], brief=True)
            for result, metric in chosen
        )
        rows.append((_label(method, role), cells))
    columns = tuple(_column(metric) for _, metric in chosen)
    return Table("summary", "Network", columns, tuple(rows), f"{MEANINGS} {SPREADS}")


def _metrics_table(result: Result, evaluation: Evaluation, name: str, checks: Checks) -> Table:
    frame = result.frame
    level = "method" if (frame["level"] == "method").any() else "network"
    frame = frame[frame["level"] == level]
    metrics = [metric for metric in evaluation.metrics if (frame["metric"] == metric.name).any()]
    rows = []
    members = dict(zip(frame["member"], frame["role"], strict=True))
    for member in sorted(members, key=lambda name: _ORDER.index(members[name])):
        own = frame[frame["member"] == member].set_index("metric")
        cells = tuple(
            _cell(own.loc[metric.name] if metric.name in own.index else None, metric, frame, checks)
            for metric in metrics
        )
        rows.append((_label(member, members[member]), cells))
    columns = tuple(_column(metric) for metric in metrics)
    return Table(name, "Network", columns, tuple(rows), f"{MEANINGS} {SPREADS}")


def _matrix(result: Result, evaluation: Evaluation) -> Table:
    pairs = result.frame[result.frame["level"] == "pair"]
    metric = evaluation.metric(pairs["metric"].iloc[0])
    sources, targets = dict.fromkeys(pairs["source"]), dict.fromkeys(pairs["member"])
    cells = pairs.set_index(["member", "source"])["value"]
    on_target = _values(result.frame, "mean_on_target")
    from_source = _values(result.frame, "mean_from_source")
    rows = [
        (
            target,
            tuple(
                Cell(number(value, metric))
                for value in (*(cells[(target, source)] for source in sources), on_target[target])
            ),
        )
        for target in targets
    ]
    means = (*(Cell(number(from_source[source], metric)) for source in sources), Cell(""))
    rows.append(("mean", means))
    columns = tuple(Column(source, unit_sign(metric)) for source in (*sources, "mean"))
    caption = f"{metric.title}: {metric.meaning} Sources in columns, targets in rows; means include the diagonal."
    return Table(evaluation.name, "target \\ source", columns, tuple(rows), caption, matrix=True)


def _values(frame: pd.DataFrame, metric: str) -> dict[str, float]:
    rows = frame[frame["metric"] == metric]
    return dict(zip(rows["member"], rows["value"], strict=True))


def _of_method(frame: pd.DataFrame, metric: Metric, method: str) -> pd.Series | None:
    rows = frame[(frame["metric"] == metric.name) & (frame["method"] == method)]
    by_method = rows[rows["level"] == "method"]
    rows = by_method if len(by_method) else rows
    return rows.iloc[0] if len(rows) else None


def _cell(row: pd.Series | None, metric: Metric, frame: pd.DataFrame, checks: Checks, *, brief: bool = False) -> Cell:
    if row is None or pd.isna(row["value"]):
        return Cell("–")
    given = metric.higher_is_better is None and row["std"] == 0  # by the study, not found by measuring
    if given:
        spread = ""
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
        untrusted=any(_voids(check, row, metric, frame) for check in checks),
    )


def _voids(check: Check, row: pd.Series, metric: Metric, frame: pd.DataFrame) -> bool:
    if check.passed or (check.metrics and metric.name not in check.metrics):
        return False
    if check.condition not in ("", row["condition"]) or check.group not in ("", row["group"]):
        return False
    if row["level"] != "method":
        return check.member in ("", row["member"])
    networks = frame[(frame["level"] == "network") & (frame["method"] == row["method"])]
    return check.member in ("", *networks["member"])


def _column(metric: Metric) -> Column:
    arrow = {True: "↑", False: "↓", None: ""}[metric.higher_is_better]
    return Column(metric.title, unit_sign(metric), arrow, metric.meaning)


def _label(name: str, role: str) -> str:
    return name if name == role or role == "student" else f"{name} ({role})"
