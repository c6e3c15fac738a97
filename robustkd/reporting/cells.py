"""Cells, heads and labels of a table, from rows of tidy results."""

import math

import pandas as pd

from robustkd.evaluations import Evaluation
from robustkd.presentation.numbers import interval, number, unit_sign
from robustkd.reporting.table import Cell, Column
from robustkd.reporting.trust import Trust
from robustkd.results.metric import Metric
from robustkd.statistics.intervals import ROUNDING, T_SEEDS


def plain_cell(row: pd.Series, metric: Metric, trust: Trust) -> Cell:
    """Return a cell of a matrix: only the value."""
    return Cell(number(row["value"], metric), untrusted=trust.voids(row, metric))


def cell(row: pd.Series | None, metric: Metric, trust: Trust, *, brief: bool = False) -> Cell:
    """Return a cell of a table: the value, its spread and its marks.

    Args:
        row: A row of tidy results; None if there is none.
        metric: The metric of the row.
        trust: The failed checks; a voided number is struck out.
        brief: Whether to leave out the interval of a value that is not a difference.
    """
    if row is None or pd.isna(row["value"]):
        return Cell("–")
    # such a number is given by the study, not measured
    given = metric.higher_is_better is None and pd.notna(row["std"]) and row["std"] < ROUNDING
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
    untrusted = trust.voids(row, metric)
    shown = 100.0 if metric.unit in ("fraction", "points") else 1.0
    return Cell(
        number(row["value"], metric),
        "" if untrusted else spread,
        best=bool(pd.notna(row["ties_best"]) and row["ties_best"]),
        below_baseline=bool(pd.notna(row["below_baseline"]) and row["below_baseline"]),
        untrusted=untrusted,
        value=math.nan if untrusted else shown * float(row["value"]),
        low=math.nan if untrusted else shown * float(row["ci_low"]),
        high=math.nan if untrusted else shown * float(row["ci_high"]),
        seeds=1 if pd.isna(row["n_seeds"]) else int(row["n_seeds"]),
    )


def column(metric: Metric, evaluation: Evaluation | None = None) -> Column:
    """Return the head of a metric's column.

    Args:
        metric: The metric.
        evaluation: Its evaluation, for a table with the metrics of several.
    """
    arrow = {True: "↑", False: "↓", None: ""}[metric.higher_is_better]
    group, section = ("", "") if evaluation is None else (evaluation.title, evaluation.name)
    return Column(metric.title, unit_sign(metric), arrow, metric.meaning, group, section)
