"""Colours, sizes and types that the charts share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import altair as alt

ROLE_COLOURS = {"teacher": "#7a7a7a", "baseline": "#d9822b", "student": "#1f6fb2"}

WIDTH = 520

LayeredChart: TypeAlias = "alt.LayerChart | alt.FacetChart"
"""The type of what `alt.layer` returns."""
