"""Reliability diagrams: accuracy over confidence, bin by bin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from robustkd.presentation.chart_data import chart_data
from robustkd.presentation.style import ROLE_COLOURS

if TYPE_CHECKING:
    import altair as alt

SIZE = 150
COLUMNS = 4
BROKEN = "#c0392b"


def reliability_diagrams(frame: pd.DataFrame) -> alt.TopLevelMixin:
    """Draw a reliability diagram for each method, with the share of images in each bin below it.

    Args:
        frame: Tidy results of `Calibration`.

    Returns:
        A chart with four diagrams per row; the red bars show the gap between accuracy and confidence.
    """
    import altair as alt

    bins = frame[frame["level"] == "bin"]
    errors = frame[(frame["level"] == "method") & (frame["metric"] == "ece")].set_index("member")["value"]
    methods = [method for method in dict.fromkeys(bins["member"]) if method in errors.index]
    diagrams = [_diagram(bins[bins["member"] == method], method, float(errors[method])) for method in methods]
    return alt.concat(*diagrams, columns=COLUMNS, spacing=18)


def _diagram(bins: pd.DataFrame, method: str, error: float) -> alt.VConcatChart:
    import altair as alt

    limits = list(dict.fromkeys(bins["part"]))
    values = []
    for upper, rows in bins.groupby("part", sort=False):
        found = dict(zip(rows["metric"], rows["value"], strict=True))
        drawn = {name: 100 * found[f"bin_{name}"] for name in ("accuracy", "confidence", "share")}
        values.append(
            {
                "low": float(str(upper)) - 1 / len(limits),
                "high": float(str(upper)),
                **{name: None if pd.isna(value) else value for name, value in drawn.items()},
                "none": 0,
                "images": int(rows["n"].iloc[0]),
            }
        )
    colour = ROLE_COLOURS[str(bins["role"].iloc[0])]
    base = alt.Chart(chart_data(values))
    x = alt.X("low:Q", scale=alt.Scale(domain=[0, 1]), title=None, axis=alt.Axis(labels=False, ticks=False, format="%"))
    scale = alt.Scale(domain=[0, 100])
    tooltip = [alt.Tooltip(f"{name}:Q", format=".1f") for name in ("accuracy", "confidence", "share")]
    tooltip.append(alt.Tooltip("images:Q"))
    bars = base.mark_bar(color=colour, opacity=0.75, stroke="white", strokeWidth=0.5).encode(
        x=x, x2="high:Q", y=alt.Y("accuracy:Q", scale=scale, title="accuracy (%)"), y2="none:Q", tooltip=tooltip
    )
    gaps = base.mark_bar(color=BROKEN, opacity=0.28).encode(
        x=x, x2="high:Q", y=alt.Y("accuracy:Q", scale=scale), y2="confidence:Q", tooltip=tooltip
    )
    diagonal = alt.Chart(chart_data([{"low": 0, "accuracy": 0}, {"low": 1, "accuracy": 100}])).mark_line(
        color="#333", strokeDash=[4, 3], strokeWidth=1
    )
    diagram = alt.layer(bars, gaps, diagonal.encode(x=x, y=alt.Y("accuracy:Q", scale=scale))).properties(
        width=SIZE,
        height=SIZE,
        title=alt.TitleParams([method, f"ECE {100 * error:.1f}%"], fontSize=12, anchor="start", limit=SIZE + 40),
    )
    histogram = base.mark_bar(color="#999", stroke="white", strokeWidth=0.5).encode(
        x=alt.X(
            "low:Q",
            scale=alt.Scale(domain=[0, 1]),
            title="confidence (%)",
            axis=alt.Axis(labelExpr="100 * datum.value"),
        ),
        x2="high:Q",
        y=alt.Y("share:Q", scale=scale, title="images (%)", axis=alt.Axis(values=[0, 50, 100])),
        y2="none:Q",
        tooltip=tooltip,
    )
    return alt.vconcat(diagram, histogram.properties(width=SIZE, height=45), spacing=4)
