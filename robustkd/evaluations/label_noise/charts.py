"""Charts of label noise: accuracy by the share of wrong labels, their predictions, the audits and the matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from robustkd.evaluations.label_noise.transition_charts import transition_panels
from robustkd.evaluations.label_noise.transitions import ESTIMATED
from robustkd.presentation.style import ROLE_COLOURS, ROLE_DASHES, WIDTH, LayeredChart

if TYPE_CHECKING:
    import altair as alt

FATES = {"memorised": "as the wrong label", "neither": "as neither", "recovered": "as the true class"}
FATE_COLOURS = ("#c0392b", "#d5d5d5", "#3c8d5a")
PANEL = 260


def noise_panels(frame: pd.DataFrame) -> alt.TopLevelMixin:
    """Draw the panels for which there are results.

    Args:
        frame: Tidy results of `LabelNoise`, of one condition or several.

    Returns:
        A chart.
    """
    import altair as alt

    panels: list[alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart] = [_accuracy(frame)]
    known = set(frame[frame["value"].notna()]["metric"])
    if "memorised" in known:
        panels.append(_fates(frame))
    if "audit_auroc" in known:
        panels.append(
            _by_method(frame, "audit_auroc", "audit AUROC (%)", "Finding wrong labels that the network never saw")
        )
    if ESTIMATED.name in known:
        panels.append(transition_panels(frame))
    if "test_error_auroc" in known:
        title = "Finding test labels that people reject"
        panels.append(_by_method(frame, "test_error_auroc", "AUROC (%)", title))
    return alt.vconcat(*panels, spacing=30).resolve_scale(color="independent")


def _accuracy(frame: pd.DataFrame) -> LayeredChart | alt.HConcatChart:
    """A line for each method if there are several shares of wrong labels; otherwise one row for each method."""
    import altair as alt

    realised = frame[(frame["metric"] == "realised_rate") & (frame["level"] == "method") & frame["value"].notna()]
    rates = {(row["member"], row["condition"]): 100 * row["value"] for _, row in realised.iterrows()}
    title = "Accuracy on clean test images"
    if len({round(rate, 3) for rate in realised.groupby("condition")["value"].mean()}) < 2:
        return _by_method(frame, "accuracy", "accuracy (%)", title)
    values = [
        {**_drawn(row), "wrong": rates.get((row["method"], row["condition"]))}
        for _, row in frame[frame["metric"] == "accuracy"].iterrows()
    ]
    means = [value for value in values if value["level"] == "method"]
    networks = [value for value in values if value["level"] == "network"]
    methods = {value["method"]: value["role"] for value in means}
    colour = alt.Color(
        "method:N",
        sort=list(methods),
        scale=_method_colours(methods),
        legend=alt.Legend(title=None, symbolLimit=0, symbolOpacity=1),
    )
    dash = alt.StrokeDash(
        "role:N", scale=alt.Scale(domain=list(ROLE_DASHES), range=list(ROLE_DASHES.values())), legend=None
    )
    x = alt.X("wrong:Q", title="wrong training labels (%)", scale=alt.Scale(zero=False, nice=False, padding=12))
    y = alt.Y("value:Q", title="accuracy (%)", scale=alt.Scale(zero=False, nice=True))
    tooltip = _tooltips("wrong")
    mean = alt.Chart(alt.Data(values=means))
    bars = mean.mark_rule(opacity=0.5).encode(
        x=x, y=alt.Y("ci_low:Q", title="accuracy (%)"), y2="ci_high:Q", color=colour
    )
    lines = mean.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash)
    dots = alt.Chart(alt.Data(values=networks)).mark_circle(size=30, opacity=0.6)
    layers = [bars, lines, dots.encode(x=x, y=y, color=colour, tooltip=tooltip)]
    return alt.layer(*layers).properties(width=WIDTH, height=PANEL, title=_title(title))


def _fates(frame: pd.DataFrame) -> alt.HConcatChart:
    """The predictions for images with a wrong label: stacked bars by method, a panel for each condition."""
    import altair as alt

    rows = frame[(frame["level"] == "method") & frame["metric"].isin(list(FATES))]
    conditions = list(dict.fromkeys(rows["condition"]))
    colour = alt.Color(
        "fate:N",
        sort=list(FATES.values()),
        scale=alt.Scale(domain=list(FATES.values()), range=list(FATE_COLOURS)),
        legend=alt.Legend(title=None, orient="bottom", direction="horizontal"),
    )
    panels = []
    for condition in conditions:
        own = rows[rows["condition"] == condition]
        order = list(FATES)
        values = [
            {**_drawn(row), "fate": FATES[row["metric"]], "place": order.index(row["metric"])}
            for _, row in own.iterrows()
        ]
        chart = alt.Chart(alt.Data(values=values)).mark_bar()
        panels.append(
            chart.encode(
                x=alt.X(
                    "value:Q", title="images with a wrong label (%)", stack="zero", scale=alt.Scale(domain=[0, 100])
                ),
                y=alt.Y("method:N", sort=list(dict.fromkeys(own["method"])), title=None),
                color=colour,
                order=alt.Order("place:Q"),
                tooltip=[alt.Tooltip("method:N"), alt.Tooltip("fate:N"), alt.Tooltip("value:Q", format=".1f")],
            ).properties(width=max(WIDTH // len(conditions), 150), height=alt.Step(18), title=_title(condition, 11))
        )
    title = "Predictions for training images with a wrong label"
    return alt.hconcat(*panels, spacing=24).resolve_scale(color="shared").properties(title=_title(title))


def _by_method(frame: pd.DataFrame, metric: str, axis: str, title: str) -> alt.HConcatChart:
    """A metric by method, a panel for each condition: tick and bar for a method, dots for its networks."""
    import altair as alt

    rows = frame[(frame["metric"] == metric) & frame["value"].notna()]
    conditions = list(dict.fromkeys(rows["condition"]))
    roles = {role: colour for role, colour in ROLE_COLOURS.items() if role in set(rows["role"])}
    colour = alt.Color(
        "role:N",
        scale=alt.Scale(domain=list(roles), range=list(roles.values())),
        legend=alt.Legend(title=None, orient="bottom", direction="horizontal", symbolOpacity=1),
    )
    panels = []
    for condition in conditions:
        own = rows[rows["condition"] == condition]
        values = [_drawn(row) for _, row in own.iterrows()]
        means = alt.Chart(alt.Data(values=[value for value in values if value["level"] == "method"]))
        networks = alt.Chart(alt.Data(values=[value for value in values if value["level"] == "network"]))
        y = alt.Y("method:N", sort=list(dict.fromkeys(own["method"])), title=None)
        x = alt.X("value:Q", title=axis, scale=alt.Scale(zero=False, nice=True))
        layers = [
            means.mark_rule(strokeWidth=2, opacity=0.7).encode(
                x=alt.X("ci_low:Q", title=axis), x2="ci_high:Q", y=y, color=colour
            ),
            means.mark_tick(thickness=3, size=14).encode(x=x, y=y, color=colour, tooltip=_tooltips()),
            networks.mark_circle(size=40, opacity=0.55).encode(x=x, y=y, color=colour, tooltip=_tooltips()),
        ]
        size = max(WIDTH // len(conditions), 150)
        panels.append(alt.layer(*layers).properties(width=size, height=alt.Step(18), title=_title(condition, 11)))
    # one axis for all conditions, so that these can be compared by eye
    together = alt.hconcat(*panels, spacing=24).resolve_scale(color="shared", x="shared")
    return together.properties(title=_title(title))


def _method_colours(methods: dict[str, str]) -> alt.Scale:
    """The colours of the roles for baseline and teacher, and a different colour for each student."""
    import altair as alt

    palette = (
        *("#1f6fb2", "#3c8d5a", "#8e5ea2", "#c0392b", "#17a2b8", "#b58900", "#e377c2"),
        *("#5d4037", "#7cb342", "#283593", "#00897b", "#ad1457", "#9e9d24"),
    )
    colours, used = [], 0
    for role in methods.values():
        colours.append(palette[used % len(palette)] if role == "student" else ROLE_COLOURS[role])
        used += role == "student"
    return alt.Scale(domain=list(methods), range=colours)


def _drawn(row: pd.Series) -> dict[str, Any]:
    """A row as plain objects, in percent."""
    numbers = {name: None if pd.isna(row[name]) else 100 * float(row[name]) for name in ("value", "ci_low", "ci_high")}
    return {**{name: str(row[name]) for name in ("level", "member", "method", "role", "condition")}, **numbers}


def _tooltips(*more: str) -> list[alt.Tooltip]:
    import altair as alt

    numbers = [alt.Tooltip(f"{name}:Q", format=".2f") for name in (*more, "value", "ci_low", "ci_high")]
    return [alt.Tooltip("member:N"), alt.Tooltip("condition:N"), *numbers]


def _title(text: str, size: int = 13) -> alt.TitleParams:
    import altair as alt

    return alt.TitleParams(text, anchor="start", fontSize=size)
