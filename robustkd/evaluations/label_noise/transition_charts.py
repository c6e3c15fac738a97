"""Heat maps of the matrices of given labels by true class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from robustkd.evaluations.label_noise.transitions import ARROW, ESTIMATED, TRUE
from robustkd.presentation.style import LayeredChart

if TYPE_CHECKING:
    import altair as alt

FEW_NUMBERS = 12
"""The largest number of classes for which each cell shows its number."""

CELL, SMALL_CELL = 23, 13
"""The size of a cell with and without a number, in pixels."""


def transition_panels(frame: pd.DataFrame) -> alt.VConcatChart:
    """Draw for each condition the true matrix, the nearest estimate and the farthest, side by side.

    Args:
        frame: Tidy results of `LabelNoise` that have such rows.

    Returns:
        Heat maps with true classes in rows and given labels in columns.
    """
    import altair as alt

    cells = frame[frame["metric"].isin([TRUE.name, ESTIMATED.name]) & (frame["level"] == "detail")]
    panels = []
    for condition, own in cells.groupby("condition", sort=False):
        errors = frame[(frame["metric"] == "transition_error") & (frame["condition"] == condition)]
        maps = _maps(own, errors[errors["level"] == "method"].dropna(subset=["value"]))
        panels.append(alt.hconcat(*maps, spacing=18).properties(title=_title(str(condition), 11)))
    title = "Given labels of each true class (% of the audited labels)"
    return alt.vconcat(*panels, spacing=24).resolve_scale(color="shared").properties(title=_title(title, 13))


def _maps(cells: pd.DataFrame, errors: pd.DataFrame) -> list[LayeredChart]:
    """The true matrix, and those of the methods with the smallest and the largest error."""
    true = cells[cells["metric"] == TRUE.name]
    maps = [_map(true[true["method"] == true["method"].iloc[0]], "true", first=True)]
    ranked = errors.sort_values("value", kind="stable")["method"].tolist()
    told = {ranked[0]: "nearest", ranked[-1]: "farthest"} if len(ranked) > 1 else dict.fromkeys(ranked, "only one")
    for method, how in told.items():
        estimated = cells[(cells["metric"] == ESTIMATED.name) & (cells["method"] == method)]
        maps.append(_map(estimated, f"estimated by {method} ({how})", first=False))
    return maps


def _map(cells: pd.DataFrame, title: str, *, first: bool) -> LayeredChart:
    import altair as alt

    values = [
        {
            **dict(zip(("true", "given"), row["part"].split(ARROW), strict=True)),
            "percent": None if pd.isna(row["value"]) else 100 * float(row["value"]),
            "images": int(row["n"]),
        }
        for _, row in cells.iterrows()
    ]
    order = list(dict.fromkeys(value["true"] for value in values))
    axis = alt.Axis(labelLimit=80)
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("given:N", sort=order, title="given label", axis=alt.Axis(labelAngle=-45, labelLimit=80)),
        y=alt.Y("true:N", sort=order, title="true class" if first else None, axis=axis if first else None),
        tooltip=[
            alt.Tooltip("true:N", title="true class"),
            alt.Tooltip("given:N", title="given label"),
            alt.Tooltip("percent:Q", format=".2f"),
            alt.Tooltip("images:Q", title="audited images of the true class"),
        ],
    )
    colour = alt.Color(
        "percent:Q",
        # the root shows the few percent off the diagonal
        scale=alt.Scale(type="sqrt", domain=[0, 100], scheme="blues"),
        legend=alt.Legend(title="%", gradientLength=120, values=[0, 5, 20, 50, 100]),
    )
    layers: list[alt.Chart] = [base.mark_rect().encode(color=colour)]
    few = len(order) <= FEW_NUMBERS
    if few:
        text = alt.condition("datum.percent === null", alt.value("–"), alt.Text("percent:Q", format=".0f"))
        ink = alt.condition("datum.percent > 40", alt.value("white"), alt.value("#222"))
        layers.append(base.mark_text(fontSize=10).encode(text=text, color=ink))
    step = alt.Step(CELL if few else SMALL_CELL)
    return alt.layer(*layers).properties(width=step, height=step, title=_title(title, 11))


def _title(text: str, size: int) -> alt.TitleParams:
    import altair as alt

    return alt.TitleParams(text, anchor="start", fontSize=size)
