"""Measured against published numbers, as a chart and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from robustkd.presentation.style import ROLE_COLOURS, LayeredChart
from robustkd.reporting.published.agreement import gains
from robustkd.reporting.published.labels import placed_labels
from robustkd.reporting.published.layout import decimals_of
from robustkd.reporting.published.matching import Match
from robustkd.reporting.published.paper_table import PaperTable

if TYPE_CHECKING:
    import altair as alt

SIZE = 250

_COLUMNS = 2

_GREY = "#8a94a0"


class Point(NamedTuple):
    """A dot of the scatter.

    Attributes:
        name: Its label.
        role: ``baseline`` or ``student``.
        published: The published number.
        measured: The measured number.
        published_std: Its standard deviation; NaN where unknown.
        measured_std: That of the measured number.
    """

    name: str
    role: str
    published: float
    measured: float
    published_std: float
    measured_std: float


def scatter(table: PaperTable, matched: Sequence[Match]) -> dict[str, Any]:
    """Draw measured against published numbers, a panel for each setting.

    Numbers of a run with the paper's protocol are drawn on one scale, with the diagonal on which they would be equal.
    Otherwise the gains over the baseline are drawn, each axis on its own scale, because only their signs and order are
    to be compared. Bars are one standard deviation over trainings.

    Args:
        table: The published table.
        matched: Its cells that the run measures.

    Returns:
        The Vega-Lite specification.
    """
    import altair as alt

    exact, as_gains, settings = _kind(matched)
    x, y = _titles(table, as_gains)
    panels: list[Any] = []
    for setting in settings:
        points = _points([match for match in matched if match.cell.setting == setting], as_gains)
        if points:
            panel = _panel(points, x, y, exact, as_gains)
            panels.append(panel.properties(title=setting) if len(settings) > 1 else panel)
    return dict(alt.concat(*panels, columns=_COLUMNS).to_dict())


def in_words(table: PaperTable, matched: Sequence[Match]) -> str:
    """Describe the scatter in a sentence."""
    _, as_gains, settings = _kind(matched)
    points = [
        point
        for setting in settings
        for point in _points([match for match in matched if match.cell.setting == setting], as_gains)
    ]
    what = table.differences if as_gains else table.title_of_metric
    here, there = ([getattr(point, key) for point in points] for key in ("measured", "published"))
    unit = {"%": " points" if as_gains else "%"}.get(table.unit, f" {table.unit}")
    decimals = decimals_of(table)
    dots = f"{len(points)} dot{'' if len(points) == 1 else 's'}"
    where = f" in {len(settings)} settings" if len(settings) > 1 else ""
    spans = [f"from {_span(values, decimals)}{unit}" for values in (here, there)]
    return (
        f"Scatter of {what} measured in this run against those published, {dots}{where}: {spans[0]} measured, "
        f"{spans[1]} published; the table has each number."
    )


def _kind(matched: Sequence[Match]) -> tuple[bool, bool, list[str]]:
    """Whether the run is exact, whether gains are drawn, and the settings."""
    exact = not any(match.differences for match in matched)
    return exact, not exact and bool(gains(matched)), list(dict.fromkeys(match.cell.setting for match in matched))


def _points(matched: Sequence[Match], as_gains: bool) -> list[Point]:
    if as_gains:
        return [
            Point(gain.match.cell.name, "student", gain.published, gain.measured, gain.published_std, gain.measured_std)
            for gain in gains(matched)
        ]
    return [
        Point(
            match.cell.name,
            "baseline" if match.cell.is_baseline else "student",
            match.cell.mean,
            match.mean,
            match.cell.std,
            match.std,
        )
        for match in matched
        if not match.void
    ]


def _titles(table: PaperTable, as_gains: bool) -> tuple[str, str]:
    unit = "points" if as_gains and table.unit == "%" else table.unit
    what = table.difference if as_gains else table.title_of_metric
    return f"{what}, published ({unit})", f"{what}, measured ({unit})"


def _panel(points: Sequence[Point], x: str, y: str, exact: bool, as_gains: bool) -> LayeredChart:
    import altair as alt

    published = _domain([(point.published, point.published_std) for point in points], as_gains)
    measured = _domain([(point.measured, point.measured_std) for point in points], as_gains)
    if exact:
        published = measured = (min(published[0], measured[0]), max(published[1], measured[1]))
    across = alt.X("published:Q", title=x, scale=alt.Scale(domain=list(published), nice=False, zero=False))
    up = alt.Y("measured:Q", title=y, scale=alt.Scale(domain=list(measured), nice=False, zero=False))
    base = alt.Chart(alt.Data(values=_values(points, published, measured)))
    roles = ["baseline", "student"]
    colour = alt.Color(
        "role:N", scale=alt.Scale(domain=roles, range=[ROLE_COLOURS[role] for role in roles]), legend=None
    )
    bar = base.mark_rule(opacity=0.45).encode(color=colour)
    bars = [
        bar.transform_filter("isValid(datum.left)").encode(x=alt.X("left:Q"), x2="right:Q", y=up),
        bar.transform_filter("isValid(datum.bottom)").encode(x=across, y=alt.Y("bottom:Q"), y2="top:Q"),
    ]
    tooltip = [alt.Tooltip("name:N"), *(alt.Tooltip(f"{key}:Q", format=".2f") for key in ("measured", "published"))]
    dots = base.mark_circle(size=55, opacity=1).encode(x=across, y=up, color=colour, tooltip=tooltip)
    layers = [*_lines(published, measured, as_gains), *bars, dots, *_names(base)]
    return alt.layer(*layers).properties(width=SIZE, height=SIZE)


def _names(base: alt.Chart) -> list[alt.Chart]:
    """The labels of the dots; a layer for each alignment."""
    import altair as alt

    return [
        base.transform_filter(alt.datum.align == align)
        .mark_text(align=align, fontSize=10)
        .encode(x=alt.X("label_x:Q"), y=alt.Y("label_y:Q"), text="name:N")
        for align in ("left", "right", "center")
    ]


def _lines(published: tuple[float, float], measured: tuple[float, float], as_gains: bool) -> list[Any]:
    """The diagonal within the panel, and for gains the lines of no gain."""
    import altair as alt

    lines = []
    low, high = max(published[0], measured[0]), min(published[1], measured[1])
    if low < high:
        ends = [{"published": end, "measured": end} for end in (low, high)]
        diagonal = alt.Chart(alt.Data(values=ends)).mark_line(color=_GREY, strokeDash=[4, 4], strokeWidth=1)
        lines.append(diagonal.encode(x=alt.X("published:Q"), y=alt.Y("measured:Q")))
    if as_gains:
        origin = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=_GREY, strokeWidth=1)
        lines += [origin.encode(x=alt.X("zero:Q")), origin.encode(y=alt.Y("zero:Q"))]
    return lines


def _values(
    points: Sequence[Point], published: tuple[float, float], measured: tuple[float, float]
) -> list[dict[str, Any]]:
    """The dots, the ends of their bars, null where a standard deviation is unknown, and the places of their labels."""
    widths = published[1] - published[0], measured[1] - measured[0]
    pixels = [
        (SIZE * (point.published - published[0]) / widths[0], SIZE * (point.measured - measured[0]) / widths[1])
        for point in points
    ]
    values = []
    for point, label in zip(points, placed_labels([point.name for point in points], pixels, SIZE), strict=True):
        values.append(
            {
                **{key: getattr(point, key) for key in ("name", "role", "published", "measured")},
                **_ends("left", "right", point.published, point.published_std),
                **_ends("bottom", "top", point.measured, point.measured_std),
                "label_x": published[0] + widths[0] * label.x / SIZE,
                "label_y": measured[0] + widths[1] * label.y / SIZE,
                "align": label.align,
            }
        )
    return values


def _ends(low: str, high: str, value: float, std: float) -> dict[str, float | None]:
    known = not np.isnan(std)
    return {low: value - std if known else None, high: value + std if known else None}


def _domain(numbers: Sequence[tuple[float, float]], with_zero: bool) -> tuple[float, float]:
    """The range of numbers with their bars, and a margin for dots and labels."""
    spans = [(value - np.nan_to_num(std), value + np.nan_to_num(std)) for value, std in numbers]
    spans += [(0.0, 0.0)] if with_zero else []
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    margin = 0.1 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def _span(values: Sequence[float], decimals: int) -> str:
    return f"{min(values):.{decimals}f} to {max(values):.{decimals}f}".replace("-", "−")
