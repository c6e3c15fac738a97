"""The page and the Markdown of a report."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markupsafe import Markup

from robustkd.reporting.chart_data import chart_text, compact, data_tables
from robustkd.reporting.escaping import fenced
from robustkd.reporting.interval_bars import interval_bars
from robustkd.reporting.members import members_table
from robustkd.reporting.packed import packed
from robustkd.reporting.pictures import PICTURE_BYTES, embedded_pictures
from robustkd.reporting.statement.content import LISTS
from robustkd.reporting.still import still
from robustkd.reporting.table import Column, Table, to_csv, to_latex, to_markdown
from robustkd.reporting.template_environment import template_environment
from robustkd.reporting.vega import packed_vega

if TYPE_CHECKING:
    from robustkd.reporting.report import Report


def render(
    report: Report, template: str, *, picture_bytes: int = PICTURE_BYTES, interactive: bool = True, **values: Any
) -> str:
    """Fill a template.

    Args:
        report: The report.
        template: The name of the template in ``templates``.
        picture_bytes: The most bytes that the images in a page may take; further pictures are shown from their files
            in ``figures``.
        interactive: Whether the charts of a page are interactive; else they are drawings.
        **values: Further values for the template.

    Returns:
        The text; in HTML every name that came from a user is escaped.
    """
    found = _environment().get_template(template)
    if template.endswith(".html.j2"):
        values["pictures"] = embedded_pictures({each.name: each.pictures for each in report.sections}, picture_bytes)
    networks = members_table(report.provenance)
    return found.render(report=report, networks=networks, interactive=interactive, **values)


@cache
def _environment() -> Environment:
    environment = template_environment()
    environment.filters |= {
        "fenced": fenced,
        "shade": _shade,
        "still": lambda svg: Markup(still(svg)),
        "interval_bars": interval_bars,
        "grouped_columns": _grouped_columns,
        "groups_in_order": _groups_in_order,
        "has_seeds": _has_seeds,
        "texts": _texts,
        "packed_specification": lambda specification: packed(json.dumps(compact(specification), allow_nan=False)),
    }
    environment.globals |= {
        "source": _source,
        "packed_vega": packed_vega,
        "statement_lists": LISTS,
        "chart_text": chart_text,
        "data_tables": data_tables,
    }
    return environment


def _source(name: str) -> Markup:
    """The style sheet or script of a name, which the page contains."""
    environment = _environment()
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])


def _texts(table: Table, with_rows: bool = False) -> str:
    """A table as its files have it, to be copied, and where it is not on the page yet, its heads and rows."""
    texts: dict[str, Any] = {"latex": to_latex(table), "csv": to_csv(table), "markdown": to_markdown(table)}
    if with_rows:
        texts["head"] = [table.corner, *(column.head for column in table.columns)]
        texts["rows"] = [[label, *(cell.text for cell in cells)] for label, cells in table.rows]
    return packed(json.dumps(texts))


def _grouped_columns(columns: Iterable[Column]) -> list[tuple[str, list[Column]]]:
    """Neighbouring columns of one evaluation."""
    groups: list[tuple[str, list[Column]]] = []
    for column in columns:
        if not groups or groups[-1][0] != column.group:
            groups.append((column.group, []))
        groups[-1][1].append(column)
    return groups


def _groups_in_order(entries: Iterable[Any], attribute: str) -> list[tuple[Any, list[Any]]]:
    """Entries with the same value of an attribute, in the order in which the values occur first."""
    groups: dict[Any, list[Any]] = {}
    for entry in entries:
        groups.setdefault(getattr(entry, attribute), []).append(entry)
    return list(groups.items())


def _has_seeds(tables: Iterable[Table]) -> bool:
    return any(cell.seeds > 1 for table in tables for _, row in table.rows for cell in row)


def _shade(text: str) -> str:
    """The share of full colour of a cell of a matrix, by its value, 0 to 100."""
    try:
        share = float(text.replace("−", "-")) / 100
    except ValueError:
        return ""
    return f"--share: {min(max(share, 0.0), 1.0):.2f}" if math.isfinite(share) else ""
