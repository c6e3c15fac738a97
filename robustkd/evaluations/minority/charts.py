"""Charts of classes: the recall of each class, and how often it is predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from robustkd.presentation.style import ROLE_COLOURS, LayeredChart

if TYPE_CHECKING:
    import altair as alt

FEW_CLASSES = 20
WIDTH = 400


def class_panels(frame: pd.DataFrame) -> alt.TopLevelMixin:
    """Draw for each condition the recall of each class by method, and next to it how often each class is predicted.

    Args:
        frame: Tidy results of `Minority`.

    Returns:
        A chart, a row for each condition; classes from the most frequent in training to the rarest.
    """
    import altair as alt

    classes = frame[frame["level"] == "class"]
    panels = [_panel(rows, str(condition)) for condition, rows in classes.groupby("condition", sort=False)]
    return alt.vconcat(*panels, spacing=30).resolve_scale(color="shared")


def _panel(rows: pd.DataFrame, condition: str) -> alt.HConcatChart:
    import altair as alt

    values = rows.pivot_table(index=["member", "part"], columns="metric", values="value", sort=False).reset_index()
    values = values.reindex(columns=list(dict.fromkeys([*values.columns, "class_training_share", "class_rarity"])))
    values["role"] = values["member"].map(dict(zip(rows["member"], rows["role"], strict=True)))
    first = _most_skewed(values)
    order = list(first.sort_values("class_training_share", ascending=False, kind="stable")["part"])
    rare = set(first[first["class_rarity"] < 0]["part"])
    place = {name: index for index, name in enumerate(order)}
    values["place"] = values["part"].map(place)
    marked = f", {len(rare)} rarest classes framed" if rare else ""
    title = alt.TitleParams([condition, f"recall (%){marked}"], anchor="start", fontSize=12)
    return alt.hconcat(
        _recalls(values, order, rare).properties(title=title),
        _shares(values, order).properties(
            title=alt.TitleParams(["", "how often each class is predicted (%)"], anchor="start", fontSize=12)
        ),
        spacing=40,
    )


def _recalls(values: pd.DataFrame, order: list[str], rare: set[str]) -> LayeredChart:
    import altair as alt

    cells = [
        {
            "method": row["member"],
            "class": row["part"],
            "percent": None if pd.isna(row["class_recall"]) else 100 * float(row["class_recall"]),
        }
        for _, row in values.iterrows()
    ]
    methods = list(dict.fromkeys(values["member"]))
    x = alt.X("class:N", sort=order, title=None, axis=_class_axis(order))
    y = alt.Y("method:N", sort=methods, title=None)
    base = alt.Chart(alt.Data(values=cells)).encode(
        x=x, y=y, tooltip=[alt.Tooltip("method:N"), alt.Tooltip("class:N"), alt.Tooltip("percent:Q", format=".1f")]
    )
    colour = alt.Color(
        "percent:Q",
        scale=alt.Scale(domain=[0, 100], scheme="blues"),
        legend=alt.Legend(title="recall (%)", orient="right", gradientLength=90),
    )
    layers: list[alt.Chart] = [base.mark_rect().encode(color=colour)]
    if len(order) <= FEW_CLASSES:
        layers.append(
            base.mark_text(fontSize=11).encode(
                text=alt.condition("datum.percent === null", alt.value("–"), alt.Text("percent:Q", format=".0f")),
                color=alt.condition("datum.percent > 60", alt.value("white"), alt.value("#222")),
            )
        )
    if rare:
        outline = [cell for cell in cells if cell["class"] in rare]
        layers.append(
            alt.Chart(alt.Data(values=outline)).mark_rect(fill=None, stroke="#c0392b", strokeWidth=1.2).encode(x=x, y=y)
        )
    return alt.layer(*layers).properties(width=WIDTH, height=alt.Step(22))


def _shares(values: pd.DataFrame, order: list[str]) -> LayeredChart:
    import altair as alt

    first = _most_skewed(values)
    prior = [
        {
            "class": row["part"],
            "percent": _percent(row["class_training_share"]),
            "test": _percent(row["class_test_share"]),
            "series": "in training",
        }
        for _, row in first.iterrows()
    ]
    votes = [
        {
            "class": row["part"],
            "method": row["member"],
            "percent": _percent(row["class_predicted_share"]),
            "series": row["role"],
        }
        for _, row in values.iterrows()
    ]
    roles = {role: colour for role, colour in ROLE_COLOURS.items() if role in set(values["role"])}
    colours = {"in training": "#d5d5d5", "in the test set": "#222222", **roles}
    colour = alt.Color(
        "series:N",
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(title=None, orient="right"),
    )
    x = alt.X("class:N", sort=order, title=None, axis=_class_axis(order))
    y = alt.Y("percent:Q", title="share (%)")
    known = [row for row in prior if row["percent"] is not None]
    test = [{**row, "percent": row["test"], "series": "in the test set"} for row in prior]
    bars = alt.Chart(alt.Data(values=known)).mark_bar().encode(x=x, y=y, color=colour)
    ticks = alt.Chart(alt.Data(values=test)).mark_tick(thickness=2, width=WIDTH / len(order) * 0.8)
    dots = alt.Chart(alt.Data(values=votes)).mark_circle(size=40 if len(order) <= FEW_CLASSES else 8, opacity=0.6)
    tooltip = [alt.Tooltip("method:N"), alt.Tooltip("class:N"), alt.Tooltip("percent:Q", format=".1f")]
    layers = [
        ticks.encode(x=x, y=y, color=colour),
        dots.encode(x=x, y=y, color=colour, tooltip=tooltip),
    ]
    return alt.layer(*([bars] if known else []), *layers).properties(width=WIDTH, height=max(160, 22 * _count(values)))


def _most_skewed(values: pd.DataFrame) -> pd.DataFrame:
    """The rows of the method with the most uneven class sizes, because others may be trained on the clean set."""
    largest = values.groupby("member", sort=False)["class_training_share"].max()
    return values[values["member"] == (largest.idxmax() if largest.notna().any() else values["member"].iloc[0])]


def _class_axis(order: list[str]) -> alt.Axis:
    import altair as alt

    return alt.Axis(labelAngle=-45, labelOverlap=len(order) > FEW_CLASSES, labelLimit=80)


def _count(values: pd.DataFrame) -> int:
    return int(values["member"].nunique())


def _percent(value: float) -> float | None:
    return None if value is None or np.isnan(value) else 100 * float(value)
