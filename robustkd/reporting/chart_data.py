"""What a chart shows, as text and as tables, and its specification without what it does not use."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from robustkd.presentation.numbers import join
from robustkd.reporting.table import Cell, Column, Table

_DIGITS = 5
_CONCATENATED = ("concat", "hconcat", "vconcat")
_NAMES = {"member": "network", "ci_low": "interval from", "ci_high": "interval to", "p_value": "p"}


def compact(specification: Mapping[str, Any]) -> dict[str, Any]:
    """Round the numbers of a chart's data, and drop the fields that nothing in the chart refers to.

    Args:
        specification: The Vega-Lite specification; its data are inline.

    Returns:
        A specification that draws the same.
    """
    used = json.dumps(_without_data(specification), ensure_ascii=False)
    small: dict[str, Any] = _compacted(specification, used)
    return small


def chart_text(title: str, specification: Mapping[str, Any]) -> str:
    """Describe a chart for a reader who cannot see it.

    Args:
        title: What the chart is about.
        specification: The Vega-Lite specification.

    Returns:
        One sentence with the titles of its axes.
    """
    shown = dict.fromkeys(view.title for view in _views(specification) if view.title)
    return f"Chart: {title}" + (f": {join(list(shown))}." if shown else ".")


def data_tables(name: str, specification: Mapping[str, Any]) -> list[Table]:
    """Lay out the data of a chart.

    Args:
        name: The beginning of the tables' names.
        specification: The Vega-Lite specification.

    Returns:
        One table for each view that shows other data than the views before it; numbers have five digits.
    """
    tables: list[Table] = []
    for view in _views(compact(specification)):
        fields = [key for key in dict.fromkeys(key for row in view.rows for key in row) if view.has(key)]
        if not fields:
            continue
        rows = dict.fromkeys(tuple(_shown(row.get(key)) for key in fields) for row in view.rows)
        title = view.title if view.title not in {table.title for table in tables} else ""
        tables.append(
            Table(
                f"{name}-data-{len(tables) + 1}",
                _head(fields[0], view),
                tuple(Column(_head(key, view)) for key in fields[1:]),
                tuple((first, tuple(Cell(text) for text in rest)) for first, *rest in rows),
                title=title,
            )
        )
    return tables


@dataclass
class _View:
    """One of the drawings that a chart consists of."""

    title: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)

    def has(self, key: str) -> bool:
        """Whether any row has a value of a field."""
        return any(row.get(key) not in (None, "") for row in self.rows)


def _views(specification: Mapping[str, Any], inherited: tuple[dict[str, Any], ...] = ()) -> Iterator[_View]:
    rows = tuple(_rows(specification)) or inherited
    parts = [part for key in _CONCATENATED for part in specification.get(key, [])]
    if parts:
        for part in parts:
            yield from _views(part, rows)
    elif "spec" in specification:
        for view in _views(specification["spec"], rows):
            view.title = view.title or _text(specification.get("title"))
            yield view
    else:
        view = _View()
        _fill(view, specification, rows)
        view.title = ", ".join(filter(None, (_text(specification.get("title")), view.title)))
        yield view


def _fill(view: _View, unit: Mapping[str, Any], inherited: tuple[dict[str, Any], ...]) -> None:
    rows = tuple(_rows(unit)) or inherited
    for layer in unit.get("layer", []):
        _fill(view, layer, rows)
    if "mark" in unit:
        view.rows += [row for row in rows if row not in view.rows]
    encoding = unit.get("encoding", {})
    for channel in encoding.values():
        for each in channel if isinstance(channel, list) else [channel]:
            if isinstance(each, dict) and "field" in each and _text(each.get("title")):
                view.titles.setdefault(each["field"], _text(each["title"]))
    if not view.title:
        axes = [_text(encoding.get(axis, {}).get("title")) for axis in ("y", "x")]
        view.title = " by ".join(filter(None, axes))


def _rows(part: Mapping[str, Any]) -> list[dict[str, Any]]:
    values = (part.get("data") or {}).get("values", [])
    return [row for row in values if isinstance(row, dict) and row] if isinstance(values, list) else []


def _head(key: str, view: _View) -> str:
    return view.titles.get(key) or _NAMES.get(key, key.replace("_", " "))


def _text(title: Any) -> str:
    """A title as text: it may be a list of lines or an object, or there may be none."""
    if isinstance(title, dict):
        return _text(title.get("text"))
    return " ".join(map(str, title)) if isinstance(title, list) else title if isinstance(title, str) else ""


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float) and not math.isfinite(value):
        return "–"
    return f"{value:.{_DIGITS}g}".replace("-", "−") if isinstance(value, float) else str(value)


def _without_data(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {key: _without_data(value) for key, value in part.items() if not _is_data(key, value)}
    return [_without_data(each) for each in part] if isinstance(part, list) else part


def _is_data(key: str, value: Any) -> bool:
    return key == "values" and isinstance(value, list) and all(isinstance(row, dict) for row in value)


def _compacted(part: Any, used: str) -> Any:
    if isinstance(part, Mapping):
        return {
            key: [_small_row(row, used) for row in value] if _is_data(key, value) else _compacted(value, used)
            for key, value in part.items()
        }
    return [_compacted(each, used) for each in part] if isinstance(part, list) else part


def _small_row(row: Mapping[str, Any], used: str) -> dict[str, Any]:
    return {key: _rounded(value) for key, value in row.items() if _is_named(key, used)}


@lru_cache(maxsize=1024)
def _is_named(key: str, text: str) -> bool:
    """Whether a field occurs in a text as a word of its own, such as in an expression."""
    return re.search(rf"(?<!\w){re.escape(key)}(?!\w)", text) is not None


def _rounded(value: Any) -> Any:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) and math.isfinite(value) else value
