"""The parts of the images as one stacked bar for each method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from robustkd.evaluations.knowledge.parts import PARTS
from robustkd.presentation.style import WIDTH
from robustkd.results.metric import Metric

if TYPE_CHECKING:
    import altair as alt

COLOURS = {
    "retained": "#4c8c5a",
    "new_right": "#a6cf9f",
    "inherited": "#c0392b",
    "new_wrong": "#e6a9a0",
    "lost": "#e2b34a",
}


def stacked_parts(frame: pd.DataFrame, metrics: tuple[Metric, ...]) -> alt.VConcatChart:
    """Draw the share of each part of the images, one bar for each method; below, without what is retained.

    Args:
        frame: Tidy results of `Knowledge`.
        metrics: The metrics of the evaluation.

    Returns:
        A chart with methods in rows, in the order of the frame.
    """
    import altair as alt

    titles = {metric.name: metric.title for metric in metrics if metric.name in PARTS}
    rows = frame[(frame["level"] == "method") & frame["metric"].isin(PARTS) & frame["value"].notna()]
    values = [
        {
            "method": row["method"],
            "part": titles[row["metric"]],
            "order": PARTS.index(row["metric"]),
            "percent": 100 * float(row["value"]),
        }
        for _, row in rows.iterrows()
    ]
    methods = list(dict.fromkeys(rows["method"]))
    whole = _bars(values, methods, titles, "test images (%)", alt.Scale(domain=[0, 100]))
    rest = [value for value in values if value["part"] != titles["retained"]]
    return alt.vconcat(whole, _bars(rest, methods, titles, "test images that are not retained (%)", alt.Scale()))


def _bars(
    values: list[dict[str, Any]], methods: list[str], titles: dict[str, str], title: str, scale: alt.Scale
) -> alt.Chart:
    import altair as alt

    return (
        alt.Chart(alt.Data(values=values))
        .mark_bar(stroke="white", strokeWidth=0.5)
        .encode(
            y=alt.Y("method:N", sort=methods, title=None, axis=alt.Axis(labelLimit=240)),
            x=alt.X("percent:Q", stack="zero", title=title, scale=scale),
            order=alt.Order("order:Q"),
            color=alt.Color(
                "part:N",
                sort=[titles[part] for part in PARTS],
                scale=alt.Scale(domain=[titles[part] for part in PARTS], range=[COLOURS[part] for part in PARTS]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[alt.Tooltip("method:N"), alt.Tooltip("part:N"), alt.Tooltip("percent:Q", format=".1f")],
        )
        .properties(width=WIDTH, height=alt.Step(28))
    )
