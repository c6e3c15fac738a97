"""The chart of the evaluation of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from robustkd.evaluations.groups.rows import SHUFFLED
from robustkd.presentation.dots import dots_and_intervals
from robustkd.presentation.style import ROLE_COLOURS, WIDTH, LayeredChart
from robustkd.results.metric import Metric

if TYPE_CHECKING:
    import altair as alt

MOST_GROUPS = 30
"""The most groups drawn."""


def group_panels(frame: pd.DataFrame, accuracy: Metric, spread: Metric) -> alt.TopLevelMixin:
    """Draw the accuracy on each group by method, and the spread with its value for shuffled groups.

    Args:
        frame: Tidy results.
        accuracy: The metric of the groups.
        spread: The metric of the spread between groups.
    """
    import altair as alt

    shuffled = frame[(frame["metric"] == spread.name) & (frame["part"] == SHUFFLED)]
    order = list(dict.fromkeys(shuffled["method"]))
    chance = (
        alt.Chart(alt.Data(values=[_point(row) for _, row in shuffled.iterrows()]))
        .mark_point(shape="diamond", size=70, color="#888", filled=False)
        .encode(
            x="value:Q",
            y=alt.Y("method:N", sort=order),
            tooltip=[alt.Tooltip("value:Q", format=".1f", title="shuffled groups (%)")],
        )
    )
    dots = dots_and_intervals(frame, spread)
    return alt.vconcat(
        _accuracies(frame, accuracy), alt.layer(dots, chance).properties(title="Diamonds: shuffled groups")
    )


def _accuracies(frame: pd.DataFrame, metric: Metric) -> LayeredChart:
    """Each method's accuracy on each group: methods in rows within groups in rows."""
    import altair as alt

    rows = frame[(frame["metric"] == metric.name) & frame["value"].notna()]
    parts = list(dict.fromkeys(rows["part"]))[:MOST_GROUPS]
    rows = rows[rows["part"].isin(parts)]
    methods = list(dict.fromkeys(rows["method"]))
    roles = {role: colour for role, colour in ROLE_COLOURS.items() if role in set(rows["role"])}
    shapes = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"]
    base = alt.Chart(alt.Data(values=[_point(row) for _, row in rows.iterrows()])).encode(
        y=alt.Y("part:N", sort=parts, title=None, axis=alt.Axis(labelLimit=240)),
        yOffset=alt.YOffset("method:N", sort=methods),
        color=alt.Color("role:N", scale=alt.Scale(domain=list(roles), range=list(roles.values())), legend=None),
        tooltip=["part:N", "method:N", alt.Tooltip("value:Q", format=".1f"), "n:Q", "interval:N"],
    )
    title = f"{metric.title} (%)"
    bars = base.mark_rule(strokeWidth=2, opacity=0.6).encode(x=alt.X("low:Q", title=title), x2="high:Q")
    shape = alt.Shape(
        "method:N", sort=methods, scale=alt.Scale(range=shapes), legend=alt.Legend(title=None, orient="top")
    )
    dots = base.mark_point(filled=True, size=55, opacity=0.9).encode(
        x=alt.X("value:Q", title=title, scale=alt.Scale(zero=False, nice=True)), shape=shape
    )
    return alt.layer(bars, dots).properties(width=WIDTH, height=alt.Step(12))


def _point(row: pd.Series) -> dict[str, Any]:
    known = {key: None if pd.isna(row[key]) else 100 * float(row[key]) for key in ("value", "ci_low", "ci_high")}
    return {
        "part": row["part"],
        "method": row["method"],
        "role": row["role"],
        "interval": None if pd.isna(row["interval"]) else row["interval"],
        "n": None if pd.isna(row["n"]) else int(row["n"]),
        "value": known["value"],
        "low": known["ci_low"],
        "high": known["ci_high"],
    }
