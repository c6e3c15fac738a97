"""The extension of Sphinx: it writes the generated pages, and shows docstrings as parts of pages."""

import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from generated import write_pages
from generated.markdown import body
from generated.report_pages import copy_reports
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: "Sphinx") -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("builder-inited", lambda started: write_pages(Path(started.srcdir)))
    app.connect("build-finished", copy_to_the_site)
    app.connect("autodoc-process-docstring", escape_bars)
    app.add_directive("docstring", DocstringDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def copy_to_the_site(app: "Sphinx", error: Exception | None) -> None:
    """Put the reports beside the pages of Sphinx, which lead to them."""
    if error is None:
        copy_reports(Path(app.srcdir).parent, Path(app.outdir))


def escape_bars(app: Any, what: str, name: str, entry: Any, options: Any, lines: list[str]) -> None:
    """Keep absolute values, as in Σ |p − q|, from being read as substitutions of reStructuredText."""
    lines[:] = [re.sub(r"\|([^|`]+)\|", r"\\|\1\\|", line) if "`" not in line else line for line in lines]


class DocstringDirective(SphinxDirective):
    """Insert the docstring of something, so that a rule that stands in the code stands once.

    The argument is a module, or ``module:name``. With ``:skip-first:`` the first paragraph is left out.
    """

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"skip-first": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Parse the docstring as Markdown."""
        module, _, name = self.arguments[0].partition(":")
        found: Any = importlib.import_module(module)
        if name:
            found = getattr(found, name)
        source = inspect.getsourcefile(found)
        if source:
            self.env.note_dependency(source)
        text = body(inspect.getdoc(found) or "")
        if "skip-first" in self.options:
            text = text.partition("\n\n")[2]
        node = nodes.Element()
        node.document = self.state.document
        self.state.nested_parse(StringList(text.splitlines(), source=source or module), self.content_offset, node)
        return node.children
