"""Accuracy against any other metric: what a method gains in one is often paid for in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from robustkd.evaluations import EVALUATIONS
from robustkd.presentation.numbers import unit_sign
from robustkd.presentation.style import ROLE_COLOURS, ROLE_SHAPES
from robustkd.reporting.drawing_process import Draw, Drawing, drawn_when_asked
from robustkd.reporting.names_that_fit import Named, names_that_fit
from robustkd.reporting.rows import methods_of, of_method
from robustkd.reporting.trust import Trust
from robustkd.results.metric import Metric
from robustkd.results.result import Result, slices

if TYPE_CHECKING:
    import altair as alt

ACCURACY = ("generalization", "accuracy")

ACROSS = "accuracy (%) ↑"

_SIZE, _SIZE_OF_PART = (420, 280), (300, 200)
"""Width and height of the plot, in pixels: of the only one, and of one for each part of a study."""

_PADDING = 24
"""Pixels between the outermost points and the edge of the plot."""

RANKED = ("baseline", "student")
"""The roles among which a Pareto front is drawn."""


@dataclass(frozen=True)
class TradeOff:
    """A chart of accuracy against a metric that the reader chooses.

    Attributes:
        chart: The Vega-Lite specification.
        drawing: The same chart for the first metric, drawn.
        caption: How to read it.
        alternative: What it shows, in words.
    """

    chart: dict[str, Any]
    drawing: Drawing
    caption: str
    alternative: str


def trade_off_of(
    results: Sequence[Result], trust: Mapping[str, Trust], draw: Draw = drawn_when_asked
) -> TradeOff | None:
    """Draw accuracy against the summary metrics of the other evaluations.

    Args:
        results: The results of all evaluations.
        trust: For each evaluation, what is known about the validity of its numbers; void numbers are not drawn.
        draw: Draws a chart.

    Returns:
        The chart; None where fewer than two methods have an accuracy and another metric.
    """
    rows = _rows(results, trust)
    if len({(row["part"], row["method"]) for row in rows}) < 2:
        return None
    rows = _with_names_that_fit(rows)
    chart = _chart(rows).to_dict()
    shown = list(dict.fromkeys(row["metric"] for row in rows))
    crowded = " Names that would cover others are left out; the data of the chart have all." * any(
        not row["named"] for row in rows
    )
    return TradeOff(
        chart,
        draw(chart, "trade-off"),
        "Whiskers: 95% intervals. The line joins the Pareto front of baseline and students: no other of them is better "
        f"in both. It leaves out differences that intervals do not resolve.{crowded}",
        f"Accuracy of every method against {len(shown)} other metrics, one at a time; the scoreboard has the numbers.",
    )


def pareto(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Return which points no other point beats in both coordinates, where higher is better.

    Args:
        points: Pairs of values.

    >>> pareto([(1.0, 3.0), (2.0, 2.0), (1.0, 2.0)])
    [True, True, False]
    """
    return [not any(other[0] >= own[0] and other[1] >= own[1] and other != own for other in points) for own in points]


def _rows(results: Sequence[Result], trust: Mapping[str, Trust]) -> list[dict[str, Any]]:
    accuracy = next((result for result in results if result.evaluation == ACCURACY[0]), None)
    if accuracy is None:
        return []
    metric = EVALUATIONS[ACCURACY[0]]().metric(ACCURACY[1])
    found = []
    for part in slices(accuracy.frame):
        measured = {
            method: (role, row)
            for method, role in methods_of(part.frame).items()
            if (row := _trusted(part.frame, metric, method, trust[ACCURACY[0]])) is not None
        }
        for result, other in _others(results):
            frames = [each.frame for each in slices(result.frame) if each.title == part.title]
            beside = {
                method: row
                for frame in frames
                for method in measured
                if (row := _trusted(frame, other, method, trust[result.evaluation])) is not None
            }
            found += _points(part.title, measured, beside, EVALUATIONS[result.evaluation].title, other)
    return found


def _others(results: Sequence[Result]) -> list[tuple[Result, Metric]]:
    """The first summary metric of every other evaluation."""
    found = []
    for result in results:
        evaluation = EVALUATIONS[result.evaluation]()
        metric = evaluation.metric(evaluation.summary[0])
        if result.evaluation != ACCURACY[0]:
            found.append((result, metric))
    return found


def _trusted(frame: pd.DataFrame, metric: Metric, method: str, trust: Trust) -> pd.Series | None:
    row = of_method(frame, metric, method)
    return None if row is None or pd.isna(row["value"]) or trust.voids(row, metric) else row


def _points(
    part: str,
    measured: Mapping[str, tuple[str, pd.Series]],
    beside: Mapping[str, pd.Series],
    evaluation: str,
    metric: Metric,
) -> list[dict[str, Any]]:
    scale = 100 if metric.unit in ("fraction", "points") else 1
    ranked = [method for method in beside if measured[method][0] in RANKED and metric.higher_is_better is not None]
    sign = 1 if metric.higher_is_better else -1
    pairs = [(float(measured[method][1]["value"]), sign * float(beside[method]["value"])) for method in ranked]
    front = {method for method, on in zip(ranked, pareto(pairs), strict=True) if on}
    arrow = {True: " ↑", False: " ↓", None: ""}[metric.higher_is_better]
    unit = f" ({unit_sign(metric)})" if unit_sign(metric) else ""
    return [
        {
            "part": part,
            "method": method,
            "role": measured[method][0],
            "metric": f"{evaluation}: {metric.title}{unit}{arrow}",
            **_bounds("accuracy", measured[method][1], 100),
            **_bounds("value", row, scale),
            "front": method in front,
        }
        for method, row in beside.items()
    ]


def _bounds(name: str, row: pd.Series, scale: float) -> dict[str, float | None]:
    ends = {name: row["value"], f"{name}_low": row["ci_low"], f"{name}_high": row["ci_high"]}
    return {key: None if pd.isna(value) else round(scale * float(value), 3) for key, value in ends.items()}


def _with_names_that_fit(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark the points whose names do not cover others, in each plot."""
    size = _SIZE if len({row["part"] for row in rows}) == 1 else _SIZE_OF_PART
    plots = dict.fromkeys((row["part"], row["metric"]) for row in rows)
    found = []
    for part, metric in plots:
        own = [row for row in rows if (row["part"], row["metric"]) == (part, metric)]
        across = [_PADDING + place * (size[0] - 2 * _PADDING) for place in _places(own, "accuracy")]
        down = [_PADDING + (1 - place) * (size[1] - 2 * _PADDING) for place in _places(own, "value")]
        points = [
            Named(x, y, row["method"], row["front"] or row["role"] != "student")
            for x, y, row in zip(across, down, own, strict=True)
        ]
        found += [row | {"named": named} for row, named in zip(own, names_that_fit(points), strict=True)]
    return found


def _places(rows: Sequence[dict[str, Any]], name: str) -> list[float]:
    """Where values lie between the ends of all intervals, from 0 to 1."""
    ends = [row[key] for row in rows for key in (name, f"{name}_low", f"{name}_high") if row[key] is not None]
    low, high = min(ends), max(ends)
    return [(row[name] - low) / (high - low) if high > low else 0.5 for row in rows]


def _chart(rows: Sequence[dict[str, Any]]) -> alt.TopLevelMixin:
    import altair as alt

    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    chosen = alt.param(name="metric", value=metrics[0], bind=alt.binding_select(options=metrics, name="Metric: "))
    base = alt.Chart().transform_filter("datum.metric == metric")
    x = alt.X("accuracy:Q", title=ACROSS, scale=alt.Scale(zero=False, padding=_PADDING))
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False, padding=_PADDING))
    roles = [role for role in ROLE_COLOURS if any(row["role"] == role for row in rows)]
    colour = alt.Color(
        "role:N", title=None, scale=alt.Scale(domain=roles, range=[ROLE_COLOURS[each] for each in roles])
    )
    shape = alt.Shape("role:N", title=None, scale=alt.Scale(domain=roles, range=[ROLE_SHAPES[each] for each in roles]))
    tips = [alt.Tooltip(f"{name}:N") for name in ("method", "role", "metric")]
    tips += [alt.Tooltip(f"{name}:Q", format=".3~f") for name in ("accuracy", "value")]
    front = (
        base.transform_filter("datum.front")
        .mark_line(color="#8a949e", strokeDash=[4, 3], order=None)
        .encode(x=x, y=y, order="accuracy:Q")
    )
    across = base.mark_rule(opacity=0.6).encode(
        x=alt.X("accuracy_low:Q", title=ACROSS), x2="accuracy_high:Q", y=y, color=colour
    )
    along = base.mark_rule(opacity=0.6).encode(x=x, y=alt.Y("value_low:Q", title=None), y2="value_high:Q", color=colour)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour, shape=shape, tooltip=tips)
    named = base.transform_filter("datum.named")
    names = named.mark_text(align="left", dx=7, dy=-7, fontSize=11).encode(x=x, y=y, text="method:N")
    layered = alt.layer(front, across, along, points, names).properties(width=_SIZE[0], height=_SIZE[1])
    title = alt.TitleParams(alt.expr("metric"), anchor="start", fontSize=12)
    parts = list(dict.fromkeys(row["part"] for row in rows))
    data = alt.Data(values=list(rows))
    if len(parts) == 1:
        return layered.properties(data=data, title=title).add_params(chosen)
    small = layered.properties(width=_SIZE_OF_PART[0], height=_SIZE_OF_PART[1])
    faceted = small.facet(alt.Facet("part:N", title=None), columns=2, data=data)
    return faceted.properties(title=title).add_params(chosen).resolve_scale(x="independent", y="independent")
