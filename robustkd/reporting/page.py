"""The page and the Markdown of a report."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from robustkd.reporting.escaping import fenced, markdown_text
from robustkd.reporting.pictures import embedded
from robustkd.reporting.statement.content import LISTS
from robustkd.reporting.table import to_markdown

if TYPE_CHECKING:
    from robustkd.reporting.report import Report


def render(report: Report, template: str, **values: Any) -> str:
    """Fill a template.

    Args:
        report: The report.
        template: The name of the template in ``templates``.
        **values: Further values for the template.

    Returns:
        The text; in HTML every name that came from a user is escaped.
    """
    return _environment().get_template(template).render(report=report, **values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("robustkd.reporting"),
        autoescape=select_autoescape(enabled_extensions=("html", "html.j2"), default_for_string=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["markdown"] = to_markdown
    environment.filters["markdown_text"] = markdown_text
    environment.filters["fenced"] = fenced
    environment.filters["inline_json"] = _inline_json
    environment.filters["shade"] = _shade
    environment.filters["embedded"] = embedded
    environment.globals["statement_lists"] = LISTS
    environment.globals["javascript"] = _javascript
    return environment


def _inline_json(value: Any) -> Markup:
    """Return JSON that is safe inside a script element for any content of its strings."""
    text = json.dumps(value, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _shade(text: str) -> str:
    """Colour a cell of a matrix by its value, 0 to 100."""
    try:
        share = float(text.replace("−", "-")) / 100
    except ValueError:
        return ""
    return f"background: rgba(31, 111, 178, {0.75 * share:.2f})" + ("; color: white" if share > 0.7 else "")


_EXPORTS = "window.vegaEmbed = vegaEmbed;"


@cache
def _javascript(vega_lite_version: str) -> Markup:
    """The bundle of Vega, Vega-Lite and Vega-Embed, for a page that opens offline."""
    return Markup(
        vl_convert.javascript_bundle(_EXPORTS, vl_version=vega_lite_version).replace("</script", "<\\/script")
    )
