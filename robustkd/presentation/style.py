"""Colours, sizes and types that the charts share."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import altair as alt

ROLE_COLOURS = {"teacher": "#7a7a7a", "baseline": "#d9822b", "student": "#1f6fb2", "control": "#7b5ea7"}
"""In the order of `ROLES`."""

ROLE_SHAPES = {"teacher": "diamond", "baseline": "square", "student": "circle", "control": "triangle-up"}

ROLE_DASHES = {"teacher": [2, 2], "baseline": [6, 3], "student": [1, 0], "control": [4, 2, 1, 2]}
"""The dashes of a role's lines; a student's are solid."""

_COLOURS = (
    "#4477aa",
    "#ee6677",
    "#228833",
    "#aa3377",
    "#66ccee",
    "#ccbb44",
    "#44aa99",
    "#882255",
    "#999933",
    "#cc6677",
)
"""Of the qualitative schemes *bright* and *muted* of Paul Tol, made for the colour-blind; grey is the teacher's."""

WIDTH = 520

LayeredChart: TypeAlias = "alt.LayerChart | alt.FacetChart"
"""The type of what `alt.layer` returns."""


def colours_of(roles: Mapping[str, str]) -> alt.Scale:
    """Return a scale with a colour for each name: teacher and baseline have the colour of their role in every chart.

    Args:
        roles: The role of each method or network, by name.
    """
    import altair as alt

    others = cycle(_COLOURS)
    colours = [ROLE_COLOURS[role] if role in ("teacher", "baseline") else next(others) for role in roles.values()]
    return alt.Scale(domain=list(roles), range=colours)
