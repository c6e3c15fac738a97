"""Lines over the strength of a setting, such as an ε or a severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from robustkd.presentation.chart_data import chart_data
from robustkd.presentation.numbers import axis_title, unit_sign
from robustkd.presentation.style import ROLE_DASHES, WIDTH, LayeredChart, colours_of
from robustkd.results.metric import Metric

if TYPE_CHECKING:
    import altair as alt


def lines_over(frame: pd.DataFrame, metric: Metric, title: str) -> LayeredChart:
    """Draw a metric over the strength of a setting, one line for each member.

    Args:
        frame: Tidy rows with `strength`; fractions and points are drawn in percent.
        metric: The metric of the rows.
        title: The name of the setting, for the axis of its strength.

    Returns:
        A chart; each member has its own colour, and the lines of teacher and baseline are dashed.
    """
    y_title = axis_title(metric)
    return _lines(frame, metric, title, y_title).properties(width=WIDTH, height=260, data=_lines_data(frame, metric))


def small_multiples(frame: pd.DataFrame, metric: Metric, title: str) -> LayeredChart:
    """Draw small panels like `lines_over`, one for each `part`, all on the same scale.

    Args:
        frame: Tidy rows with `part` and `strength`; fractions and points are drawn in percent.
        metric: The metric of the rows.
        title: The name of the setting, for the axis of its strength.

    Returns:
        A chart with four panels in a row.
    """
    import altair as alt

    parts = list(dict.fromkeys(frame["part"]))
    facet = alt.Facet("part:N", sort=parts, title=None)
    small = _lines(frame, metric, title, unit_sign(metric)).properties(width=WIDTH // 4, height=90)
    return small.facet(facet=facet, columns=4, data=_lines_data(frame, metric))


def _lines(frame: pd.DataFrame, metric: Metric, title: str, y_title: str) -> LayeredChart:
    import altair as alt

    roles = dict(zip(frame["member"], frame["role"], strict=True))
    whole = (frame["strength"] == frame["strength"].round()).all()
    base = alt.Chart().encode(
        x=alt.X("strength:Q", title=title, axis=alt.Axis(tickMinStep=1 if whole else 0, format="d" if whole else "")),
        y=alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=False)),
        color=alt.Color(
            "member:N",
            sort=list(roles),
            scale=colours_of(roles),
            legend=alt.Legend(title=None, labelLimit=240),
        ),
        strokeDash=alt.StrokeDash(
            "role:N", scale=alt.Scale(domain=list(ROLE_DASHES), range=list(ROLE_DASHES.values())), legend=None
        ),
        tooltip=[
            alt.Tooltip("member:N"),
            alt.Tooltip("part:N"),
            alt.Tooltip("strength:Q", title=title),
            alt.Tooltip("value:Q", format=".2f", title=metric.title),
        ],
    )
    return alt.layer(base.mark_line(), base.mark_circle(size=30))


def _lines_data(frame: pd.DataFrame, metric: Metric) -> alt.Data:

    scale = 100 if metric.unit in ("fraction", "points") else 1
    values = [
        {
            "member": row["member"],
            "role": row["role"],
            "part": "" if pd.isna(row["part"]) else row["part"],
            "strength": float(row["strength"]),
            "value": None if pd.isna(row["value"]) else scale * float(row["value"]),
        }
        for _, row in frame.iterrows()
    ]
    return chart_data(values)
