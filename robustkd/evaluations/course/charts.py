"""The chart of the courses: agreement and accuracy over the epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from robustkd.presentation.style import WIDTH, LayeredChart, colours_of

if TYPE_CHECKING:
    import altair as alt

DRAWN = {"course_agreement": "agreement with the teacher", "course_accuracy": "accuracy"}
"""What is drawn, by the name of its metric; the first one solid, the second one dashed and thinner."""

HEIGHT = 280

FEW_POINTS = 40
"""Up to so many points of a curve are marked one by one."""


def curves(frame: pd.DataFrame) -> LayeredChart:
    """Draw agreement and accuracy over the epochs: the mean of each method as a line, its seeds as pale dots.

    Args:
        frame: Tidy results.

    Returns:
        A chart with a colour for each method.
    """
    import altair as alt

    rows = frame[(frame["level"] == "detail") & frame["metric"].isin(list(DRAWN)) & frame["value"].notna()]
    roles = dict(zip(rows["method"], rows["role"], strict=True))
    of_method = rows["member"] == rows["method"]
    means, networks = rows[of_method], rows[~of_method & (rows["metric"] == "course_agreement")]
    x = alt.X("epoch:Q", title="epochs of training", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("value:Q", title="share of the test images (%)", scale=alt.Scale(zero=False))
    colour = alt.Color(
        "method:N",
        sort=list(roles),
        scale=colours_of(roles),
        legend=alt.Legend(title=None, labelLimit=240, symbolType="stroke", symbolStrokeWidth=3, symbolOpacity=1),
    )
    shown = list(DRAWN.values())
    dash = alt.StrokeDash(
        "shown:N", scale=alt.Scale(domain=shown, range=[[1, 0], [5, 3]]), legend=alt.Legend(title=None, labelLimit=240)
    )
    thickness = alt.StrokeWidth("shown:N", scale=alt.Scale(domain=shown, range=[2.5, 1.2]), legend=None)
    tooltip = [
        *(alt.Tooltip(f"{name}:N") for name in ("member", "shown")),
        *(alt.Tooltip("epoch:Q"), alt.Tooltip("value:Q", format=".2f")),
    ]
    mean = alt.Chart(_data(means))
    layers: list[alt.Chart] = [
        alt.Chart(_data(networks)).mark_circle(size=14, opacity=0.35).encode(x=x, y=y, color=colour, tooltip=tooltip),
        mean.mark_line().encode(x=x, y=y, color=colour, strokeDash=dash, strokeWidth=thickness, tooltip=tooltip),
    ]
    if not means.empty and means.groupby(["method", "metric"]).size().max() <= FEW_POINTS:
        solid = alt.Chart(_data(means[means["metric"] == "course_agreement"]))
        layers.append(solid.mark_circle(size=30, opacity=1).encode(x=x, y=y, color=colour, tooltip=tooltip))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _data(rows: pd.DataFrame) -> alt.Data:
    import altair as alt

    values: list[dict[str, Any]] = [
        {
            "member": str(row["member"]),
            "method": str(row["method"]),
            "shown": DRAWN[row["metric"]],
            "epoch": float(row["strength"]),
            "value": 100 * float(row["value"]),
        }
        for _, row in rows.iterrows()
    ]
    return alt.Data(values=values)
