"""Dots with intervals: a metric of each method on each of several parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from robustkd.presentation.chart_data import chart_data
from robustkd.presentation.numbers import unit_sign
from robustkd.presentation.style import WIDTH, LayeredChart, colours_of
from robustkd.results.metric import Metric

if TYPE_CHECKING:
    import altair as alt


def dots_by_part(frame: pd.DataFrame, metric: Metric) -> LayeredChart:
    """Draw a metric on each part of the images: a dot for each method, a bar for its interval.

    Args:
        frame: Tidy results; the rows of the level ``detail`` with a `part` are drawn. Fractions and points are drawn in
            percent.
        metric: The metric to draw.

    Returns:
        A chart with parts in rows, in the order of the frame, and a colour for each method.
    """
    import altair as alt

    rows = _rows(frame, metric)
    roles = dict(zip(rows["method"], rows["role"], strict=True))
    methods, parts = list(roles), list(dict.fromkeys(rows["part"]))
    y = alt.Y("part:N", sort=parts, title=None, axis=alt.Axis(labelLimit=240, grid=True))
    offset = alt.YOffset("method:N", sort=methods)
    colour = alt.Color(
        "method:N",
        sort=methods,
        scale=colours_of(roles),
        legend=alt.Legend(title=None, orient="top", labelLimit=240),
    )
    tooltip = [
        alt.Tooltip("part:N"),
        alt.Tooltip("method:N"),
        alt.Tooltip("value:Q", format=".3f", title=metric.title),
        alt.Tooltip("ci_low:Q", format=".3f"),
        alt.Tooltip("ci_high:Q", format=".3f"),
        alt.Tooltip("interval:N"),
    ]
    x_title = f"{metric.title} ({unit_sign(metric)})" if unit_sign(metric) else metric.title
    zero = alt.Scale(zero=metric.difference_of is not None, nice=True)
    base = alt.Chart(_data(rows)).encode(y=y, yOffset=offset, color=colour, tooltip=tooltip)
    bars = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        x=alt.X("ci_low:Q", title=x_title, scale=zero), x2=alt.X2("ci_high:Q")
    )
    dots = base.mark_circle(size=50).encode(x=alt.X("value:Q", title=x_title, scale=zero))
    return alt.layer(bars, dots).properties(width=WIDTH, height=alt.Step(max(9, 30 // max(len(methods), 1))))


def _rows(frame: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The rows to draw, in percent, of plain objects, because Vega does not know the nullable types of pandas."""
    rows = frame[(frame["metric"] == metric.name) & (frame["level"] == "detail") & frame["value"].notna()].copy()
    scale = 100 if metric.unit in ("fraction", "points") else 1
    for column in ("value", "ci_low", "ci_high"):
        rows[column] = rows[column].astype(float) * scale
    return rows.astype(object).where(rows.notna(), None)


def _data(rows: pd.DataFrame) -> alt.Data:

    columns = ["part", "method", "value", "ci_low", "ci_high", "interval"]
    return chart_data(rows[columns].to_dict("records"))
