"""The display of objects in a notebook."""

from collections.abc import Iterable, Sequence
from html import escape

from robustkd.errors import printable


def html_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return an HTML table; markup, control and direction-changing characters in every text are escaped.

    Args:
        heads: The heads of the columns.
        rows: The cells of each row.

    >>> html_table(["name"], [["<b>"]])
    '<table><thead><tr><th>name</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{_shown(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{_shown(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(cell: object) -> str:
    return escape(printable(str(cell)))
