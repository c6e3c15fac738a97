"""Charts at the width of a journal's columns, with type that can be read there."""

from __future__ import annotations

from typing import Any

from robustkd.reporting.drawing import not_wider, size_of, to_svg

WIDTHS = {"one-column": 85.0, "two-columns": 178.0}
"""The widths of a figure in millimetres."""

SMALLEST_TYPE = 7.0
"""The size of the smallest type in points."""

POINTS_PER_MM = 72 / 25.4

_TYPE = 7.5
"""The size that type is drawn at in points, from which at most 7% is lost to the last fit."""

_NARROWEST, _NARROW = 0.1, 400.0
"""The smallest factor for the width of a view; the width of a figure, in points, below which fewer stand side by side.
"""

_WIDTH_BY_DEFAULT = 300.0
"""The width of a view that states none, in pixels."""

_TYPE_OF_PAGE = 10.0
"""The size of labels in the charts of the page, in pixels."""


def publication_svg(specification: dict[str, Any], name: str, width: float) -> str:
    """Draw a chart at the width of a column: its views become narrower, its type keeps its size.

    Args:
        specification: The Vega-Lite specification.
        name: A name for the ids in the drawing.
        width: The width in millimetres.

    Returns:
        The drawing, not wider than the column, with one pixel for each point.
    """
    points = width * POINTS_PER_MM
    # a drawing is as wide as its views and what stands beside them: two drawings tell both apart
    factors = [0.8, 0.4]
    first, second = (size_of(_drawn(specification, name, factor, points))[0] for factor in factors)
    views = (first - second) / (factors[0] - factors[1])
    beside = first - factors[0] * views
    factor = min(max((points - beside) / views, _NARROWEST), 1.0) if views > 0 else 1.0
    return not_wider(_drawn(specification, name, factor, points), points)


def _drawn(specification: dict[str, Any], name: str, factor: float, points: float) -> str:
    config = specification.get("config", {})
    view = {**config.get("view", {}), "continuousWidth": _WIDTH_BY_DEFAULT * factor}
    laid_out = _narrower(specification, factor, points)
    return to_svg({**laid_out, "config": {**config, "view": view, **_type(points)}}, name)


def _type(points: float) -> dict[str, Any]:
    """The configuration of everything written: its size, and how much of a long name is shown."""
    size, narrow = _TYPE, points < _NARROW
    text = {"labelFontSize": size, "titleFontSize": size}
    return {
        "background": "white",
        "axis": {**text, "labelLimit": points / 4, "titleLimit": points},
        "header": {**text, "labelLimit": points / 3},
        "legend": {
            **text,
            "labelLimit": points / 3,
            "orient": "bottom",
            "columns": 2 if narrow else 4,
            "symbolSize": 40,
        },
        "title": {"fontSize": size + 1, "limit": points},
        "text": {"fontSize": size},
    }


def _narrower(part: Any, factor: float, points: float) -> Any:
    """A specification with narrower views, and without sizes of type and of labels of its own."""
    if isinstance(part, list):
        return [_narrower(each, factor, points) for each in part]
    if not isinstance(part, dict):
        return part
    found: dict[str, Any] = {}
    for key, value in part.items():
        if key in ("data", "datasets", "config"):
            found[key] = value
        elif key == "width":
            found[key] = _scaled(value, factor)
        elif key == "height":
            lower = _TYPE / _TYPE_OF_PAGE
            found[key] = _scaled(value, lower if isinstance(value, dict) else min(max(factor, 0.5), lower))
        elif key == "columns" and isinstance(value, int) and points < _NARROW:
            found[key] = max(value // 2, 1)
        elif key not in ("fontSize", "labelFontSize", "titleFontSize", "labelLimit"):
            found[key] = _narrower(value, factor, points)
    return found


def _scaled(size: Any, factor: float) -> Any:
    if isinstance(size, dict):
        return {**size, "step": size["step"] * factor} if "step" in size else size
    return size * factor if isinstance(size, int | float) else size
