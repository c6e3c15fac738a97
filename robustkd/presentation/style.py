"""Colours, sizes and types that the charts share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import altair as alt

ROLE_COLOURS = {"teacher": "#7a7a7a", "baseline": "#d9822b", "student": "#1f6fb2", "control": "#7b5ea7"}
"""In the order of `ROLES`."""

ROLE_DASHES = {"teacher": [2, 2], "baseline": [6, 3], "student": [1, 0], "control": [4, 2, 1, 2]}
"""The dashes of a role's lines; a student's are solid."""

WIDTH = 520

LayeredChart: TypeAlias = "alt.LayerChart | alt.FacetChart"
"""The type of what `alt.layer` returns."""
