"""How templates are filled: what is text stays text, and a name that is not given is an error."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from robustkd.reporting.escaping import markdown_text
from robustkd.reporting.table import to_markdown


def template_environment() -> Environment:
    """Return a new environment for the templates in ``templates``, with the filters that several of them use.

    In HTML every value is escaped; in Markdown, templates say where.
    """
    environment = Environment(
        loader=PackageLoader("robustkd.reporting"),
        autoescape=select_autoescape(enabled_extensions=("html", "html.j2"), default_for_string=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"markdown": to_markdown, "markdown_text": markdown_text, "breakable": _breakable}
    return environment


def _breakable(name: object) -> Markup:
    """A name or a path that may be broken after an underscore or a slash, where a column is narrow."""
    parts = re.split("(?<=[_/])", str(name))
    return Markup("<wbr>").join(parts)
