"""From tidy results to the tables of a report."""

from collections.abc import Iterable, Mapping

import pandas as pd

from robustkd.evaluations import EVALUATIONS, Check, Evaluation, Metric, Result
from robustkd.evaluations.wording import interval, number, unit_sign
from robustkd.reporting.table import Cell, Column, Table

MEANINGS = (
    "Bold: best, or not significantly worse than the best (paired bootstrap). ▼: worse than the independent baseline."
)
SPREADS = "±: standard deviation over seeds. [ ]: 95% interval over test images."
Checks = tuple[Check, ...]

_ORDER = ("teacher", "baseline", "student")


def tables_of(result: Result, checks: Checks) -> list[Table]:
    """Lay out an evaluation: the matrix of its pairs if there are any, and its metrics by method or network.

    Args:
        result: Of the evaluation.
        checks: Those that concern it; a number for which one failed is marked.
    """
    evaluation = EVALUATIONS[result.evaluation]()
    matrices = [_matrix(result, evaluation)] if (result.frame["level"] == "pair").any() else []
    name = f"{evaluation.name}_networks" if matrices else evaluation.name
    return [*matrices, _metrics_table(result, evaluation, name, checks)]


def summary_table(results: Iterable[Result], checks: Mapping[str, Checks]) -> Table:
    """Lay out the first table of a report: for each method the numbers that stand for each evaluation.

    Args:
        results: Of all evaluations.
        checks: For each evaluation those that concern it.
    """
    chosen: list[tuple[Result, Metric]] = []
    for result in results:
        evaluation = EVALUATIONS[result.evaluation]()
        metrics = [evaluation.metric(name) for name in evaluation.summary]
        chosen += [(result, metric) for metric in metrics if (result.frame["metric"] == metric.name).any()]
    methods: dict[str, str] = {}
    for result, _ in chosen:
        methods |= dict(zip(result.frame["method"], result.frame["role"], strict=True))
    rows = []
    for method in sorted(methods, key=lambda name: _ORDER.index(methods[name])):
        cells = tuple(
            _cell(_of_method(result, metric, method), metric, result, checks[result.evaluation], brief=True)
            for result, metric in chosen
        )
        rows.append((_label(method, methods[method]), cells))
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
            _cell(own.loc[metric.name] if metric.name in own.index else None, metric, result, checks)
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


def _of_method(result: Result, metric: Metric, method: str) -> pd.Series | None:
    rows = result.frame[(result.frame["metric"] == metric.name) & (result.frame["method"] == method)]
    by_method = rows[rows["level"] == "method"]
    rows = by_method if len(by_method) else rows
    return rows.iloc[0] if len(rows) else None


def _cell(row: pd.Series | None, metric: Metric, result: Result, checks: Checks, *, brief: bool = False) -> Cell:
    if row is None or pd.isna(row["value"]):
        return Cell("–")
    if metric.difference_of is None and pd.notna(row["std"]):
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
        untrusted=any(_voids(check, row, metric, result) for check in checks),
    )


def _voids(check: Check, row: pd.Series, metric: Metric, result: Result) -> bool:
    if check.passed or (check.metrics and metric.name not in check.metrics):
        return False
    if row["level"] != "method":
        return check.member in ("", row["member"])
    networks = result.frame[(result.frame["level"] == "network") & (result.frame["method"] == row["method"])]
    return check.member in ("", *networks["member"])


def _column(metric: Metric) -> Column:
    arrow = {True: "↑", False: "↓", None: ""}[metric.higher_is_better]
    return Column(metric.title, unit_sign(metric), arrow, metric.meaning)


def _label(name: str, role: str) -> str:
    return name if name == role or role == "student" else f"{name} ({role})"
