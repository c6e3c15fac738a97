"""The forms that several evaluations draw in."""

import altair as alt
import pandas as pd

from robustkd.presentation.numbers import unit_sign
from robustkd.results.metric import Metric

ROLE_COLOURS = {"teacher": "#7a7a7a", "baseline": "#d9822b", "student": "#1f6fb2"}
WIDTH = 520

LayeredChart = alt.LayerChart | alt.FacetChart
"""What `alt.layer` gives."""


def dots_and_intervals(frame: pd.DataFrame, metric: Metric) -> LayeredChart:
    """Draw a metric by method: a dot for each network, a tick for the mean, a bar for its interval.

    Args:
        frame: Tidy results.
        metric: What to draw; fractions and points are drawn in percent.

    Returns:
        A chart with methods in rows, in the order of the frame.
    """
    rows = frame[frame["metric"] == metric.name].copy()
    scale = 100 if metric.unit in ("fraction", "points") else 1
    for column in ("value", "ci_low", "ci_high", "std"):
        rows[column] = rows[column].astype(float) * scale
    # plain objects: vega knows nothing of pandas' nullable types
    rows = rows.astype(object).where(rows.notna(), None)
    networks, methods = rows[rows["level"] == "network"], rows[rows["level"] == "method"]
    order = list(dict.fromkeys(methods["method"]))
    roles = {role: colour for role, colour in ROLE_COLOURS.items() if role in set(methods["role"])}
    y = alt.Y("method:N", sort=order, title=None, axis=alt.Axis(labelLimit=240))
    x_title = f"{metric.title} ({unit_sign(metric)})"
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
    x = alt.X("value:Q", title=x_title, scale=alt.Scale(zero=metric.difference_of is not None, nice=True))
    bar = alt.Chart(_data(methods)).mark_rule(strokeWidth=2, opacity=0.7)
    tick = alt.Chart(_data(methods)).mark_tick(thickness=3, size=18)
    dot = alt.Chart(_data(networks)).mark_circle(size=55, opacity=0.55)
    layers = [
        bar.encode(x=alt.X("ci_low:Q", title=x_title), x2="ci_high:Q", y=y, color=colour, tooltip=tooltip),
        tick.encode(x=x, y=y, color=colour, tooltip=tooltip),
        dot.encode(x=x, y=y, color=colour, tooltip=tooltip),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=alt.Step(30))


def _data(rows: pd.DataFrame) -> alt.Data:
    columns = ["member", "method", "role", "architecture", "value", "ci_low", "ci_high", "interval"]
    return alt.Data(values=rows[columns].to_dict("records"))


def heatmap(frame: pd.DataFrame, cell: Metric, row_mean: Metric, column_mean: Metric) -> LayeredChart:
    """Draw a matrix of rates in percent, sources in columns and targets in rows, the diagonal outlined.

    Args:
        frame: Tidy results.
        cell: A rate of pairs.
        row_mean: Its mean for each target, drawn in a last column.
        column_mean: Its mean for each source, drawn in a last row.

    Returns:
        A chart; colours run from 0 to 100 in every report.
    """
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
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X(
            "source:N",
            sort=[*sources, "mean"],
            title="attack made on (source)",
            axis=alt.Axis(orient="top", labelAngle=-30),
        ),
        y=alt.Y("target:N", sort=[*targets, "mean"], title="attack tried on (target)"),
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


def lines_over(frame: pd.DataFrame, metric: Metric, title: str) -> LayeredChart:
    """Draw a metric over the strength of a setting, one line for each member.

    Args:
        frame: Tidy rows with `strength`; fractions and points are drawn in percent.
        metric: What they hold.
        title: What the strength is of.

    Returns:
        A chart; members differ in colour, teacher and baseline are dashed too.
    """
    y_title = f"{metric.title} ({unit_sign(metric)})"
    return _lines(frame, metric, title, y_title).properties(width=WIDTH, height=260, data=_lines_data(frame, metric))


def small_multiples(frame: pd.DataFrame, metric: Metric, title: str) -> LayeredChart:
    """Draw `lines_over` small and once for each `part`, all on one scale.

    Args:
        frame: Tidy rows with `part` and `strength`; fractions and points are drawn in percent.
        metric: What they hold.
        title: What the strength is of.

    Returns:
        A chart, four to a row.
    """
    parts = list(dict.fromkeys(frame["part"]))
    facet = alt.Facet("part:N", sort=parts, title=None)
    small = _lines(frame, metric, title, unit_sign(metric)).properties(width=WIDTH // 4, height=90)
    return small.facet(facet=facet, columns=4, data=_lines_data(frame, metric))


def _lines(frame: pd.DataFrame, metric: Metric, title: str, y_title: str) -> LayeredChart:
    members = list(dict.fromkeys(frame["member"]))
    whole = (frame["strength"] == frame["strength"].round()).all()
    base = alt.Chart().encode(
        x=alt.X("strength:Q", title=title, axis=alt.Axis(tickMinStep=1 if whole else 0, format="d" if whole else "")),
        y=alt.Y("value:Q", title=y_title, scale=alt.Scale(zero=False)),
        color=alt.Color(
            "member:N",
            sort=members,
            scale=alt.Scale(scheme="tableau10" if len(members) <= 10 else "tableau20"),
            legend=alt.Legend(title=None, labelLimit=240),
        ),
        strokeDash=alt.StrokeDash(
            "role:N", scale=alt.Scale(domain=list(ROLE_COLOURS), range=[[2, 2], [6, 3], [1, 0]]), legend=None
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
            "part": row["part"],
            "strength": float(row["strength"]),
            "value": None if pd.isna(row["value"]) else scale * float(row["value"]),
        }
        for _, row in frame.iterrows()
    ]
    return alt.Data(values=values)
