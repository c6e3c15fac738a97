"""A heat map: rates of pairs of networks."""

from __future__ import annotations

import pandas as pd

from robustkd.presentation.chart_data import chart_data
from robustkd.presentation.style import LayeredChart
from robustkd.results.metric import Metric


def heatmap(frame: pd.DataFrame, cell: Metric, row_mean: Metric, column_mean: Metric) -> LayeredChart:
    """Draw a matrix of rates in percent, sources in columns and targets in rows, the diagonal outlined.

    Args:
        frame: Tidy results.
        cell: The metric of the pairs, a rate.
        row_mean: The metric with its mean for each target, drawn in the last column.
        column_mean: The metric with its mean for each source, drawn in the last row.

    Returns:
        A chart; colours run from 0 to 100 in every report.
    """
    import altair as alt

    pairs = frame[frame["metric"] == cell.name]
    sources, targets = list(dict.fromkeys(pairs["source"])), list(dict.fromkeys(pairs["member"]))
    cells = [(row["source"], row["member"], row["value"], row["n"]) for _, row in pairs.iterrows()]
    means = frame[frame["metric"].isin([row_mean.name, column_mean.name])]
    for _, row in means.iterrows():
        place = ("mean", row["member"]) if row["metric"] == row_mean.name else (row["member"], "mean")
        cells.append((*place, row["value"], None))
    values = [
        {
            "source": source,
            "target": target,
            "percent": None if pd.isna(value) else 100 * float(value),
            "images": None if pd.isna(count) else int(count),
            "own": source == target,
            "mean": "mean" in (source, target),
        }
        for source, target, value, count in cells
    ]
    base = alt.Chart(chart_data(values)).encode(
        x=alt.X(
            "source:N",
            sort=[*sources, "mean"],
            title="attack crafted on (source)",
            axis=alt.Axis(orient="top", labelAngle=-30),
        ),
        y=alt.Y("target:N", sort=[*targets, "mean"], title="attack applied to (target)"),
        tooltip=[
            alt.Tooltip("source:N"),
            alt.Tooltip("target:N"),
            alt.Tooltip("percent:Q", format=".2f", title=f"{cell.title} (%)"),
            alt.Tooltip("images:Q", title="images both classify correctly"),
        ],
    )
    colour = alt.Color(
        "percent:Q",
        scale=alt.Scale(domain=[0, 100], scheme="blues"),
        legend=alt.Legend(title=f"{cell.title} (%)"),
    )
    own = alt.datum.own
    rectangles = base.mark_rect().encode(
        color=colour, opacity=alt.condition(alt.datum.mean, alt.value(0.55), alt.value(1.0))
    )
    outlines = base.transform_filter(own).mark_rect(fill=None, stroke="#222", strokeWidth=2)
    numbers = (
        base.transform_filter("datum.percent != null")
        .mark_text(fontSize=12)
        .encode(
            text=alt.Text("percent:Q", format=".1f"),
            color=alt.condition("datum.percent > 60 && !datum.mean", alt.value("white"), alt.value("#222")),
        )
    )
    size = alt.Step(54)
    return alt.layer(rectangles, outlines, numbers).properties(width=size, height=alt.Step(34))
