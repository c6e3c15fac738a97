"""Dots with intervals: a metric of each network and each method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from robustkd.presentation.chart_data import chart_data
from robustkd.presentation.numbers import axis_title
from robustkd.presentation.style import ROLE_COLOURS, WIDTH, LayeredChart
from robustkd.results.metric import Metric

if TYPE_CHECKING:
    import altair as alt


def dots_and_intervals(frame: pd.DataFrame, metric: Metric) -> LayeredChart:
    """Draw a metric by method: a dot for each network, a tick for the mean, a bar for its interval.

    Args:
        frame: Tidy results.
        metric: The metric to draw; fractions and points are drawn in percent.

    Returns:
        A chart with methods in rows, in the order of the frame.
    """
    import altair as alt

    rows = frame[(frame["metric"] == metric.name) & frame["value"].notna()].copy()
    scale = 100 if metric.unit in ("fraction", "points") else 1
    for column in ("value", "ci_low", "ci_high", "std"):
        rows[column] = rows[column].astype(float) * scale
    # plain objects, because Vega does not know the nullable types of pandas
    rows = rows.astype(object).where(rows.notna(), None)
    networks, methods = rows[rows["level"] == "network"], rows[rows["level"] == "method"]
    order = list(dict.fromkeys([*methods["method"], *networks["method"]]))  # a method may only have rows of networks
    roles = {role: colour for role, colour in ROLE_COLOURS.items() if role in set(rows["role"])}
    y = alt.Y("method:N", sort=order, title=None, axis=alt.Axis(labelLimit=240))
    x_title = axis_title(metric)
    colour = alt.Color(
        "role:N",
        scale=alt.Scale(domain=list(roles), range=list(roles.values())),
        legend=alt.Legend(title=None, orient="top"),
    )
    tooltip = [
        alt.Tooltip("member:N"),
        alt.Tooltip("architecture:N"),
        alt.Tooltip("value:Q", format=".3f", title=metric.title),
        alt.Tooltip("ci_low:Q", format=".3f"),
        alt.Tooltip("ci_high:Q", format=".3f"),
        alt.Tooltip("interval:N"),
    ]
    scale_of_x, axis = alt.Scale(zero=metric.difference_of is not None, nice=True), alt.Axis(tickCount=8)
    x = alt.X("value:Q", title=x_title, scale=scale_of_x, axis=axis)
    bar = alt.Chart(_data(methods)).mark_rule(strokeWidth=2, opacity=0.7)
    tick = alt.Chart(_data(methods)).mark_tick(thickness=3, size=18)
    dot = alt.Chart(_data(networks)).mark_circle(size=55, opacity=0.55)
    layers = [
        bar.encode(x=alt.X("ci_low:Q", title=x_title, axis=axis), x2="ci_high:Q", y=y, color=colour, tooltip=tooltip),
        tick.encode(x=x, y=y, color=colour, tooltip=tooltip),
        dot.encode(x=x, y=y, color=colour, tooltip=tooltip),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=alt.Step(30))


def _data(rows: pd.DataFrame) -> alt.Data:

    columns = ["member", "method", "role", "architecture", "value", "ci_low", "ci_high", "interval"]
    return chart_data(rows[columns].to_dict("records"))
