"""Names and sentences as text of a format, whatever characters a user's names hold.

Control characters, and those that change the direction of the text, are shown as escapes in every format.
"""

import re
import unicodedata

from robustkd.errors import printable
from robustkd.reporting.latex_characters import in_latex


def latex_text(text: str) -> str:
    """Return text for LaTeX that pdfLaTeX prints, with its special characters escaped."""
    composed = unicodedata.normalize("NFC", printable(text))
    printed = "".join(map(in_latex, composed))
    return printed.replace("--", "-{}-") if "--" in text else printed


def markdown_text(text: str) -> str:
    """Return text for Markdown, with everything escaped that would be read as markup; intervals stay as they are."""
    escaped = re.sub(r"([\\`*<~$])", r"\\\1", printable(text))
    escaped = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", escaped)
    escaped = re.sub(r"&(?=#?\w+;)", r"\\&", escaped)
    escaped = re.sub(r"\[(?=[^\]]*\][(:])", r"\\[", escaped)
    escaped = re.sub(r"^(\s*)([#>+=-]|\d+(?=[.)]))", _at_the_start, escaped)
    return pipes_escaped(escaped)


def pipes_escaped(text: str) -> str:
    """Return text for a cell of a Markdown table."""
    return text.replace("|", "\\|")


def fenced(text: str) -> str:
    """Return text as a block of code in Markdown, whatever fences it holds."""
    longest = max((len(found) for found in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}yaml\n{text.rstrip()}\n{fence}"


def csv_text(text: str) -> str:
    """Return a name for CSV; an apostrophe keeps a spreadsheet from running one that begins like a formula."""
    shown = printable(text)
    return "'" + shown if shown.startswith(("=", "+", "-", "@")) else shown


def _at_the_start(found: re.Match[str]) -> str:
    """Escape what would begin a heading, a quotation or a list; a number is written before an escaped full stop."""
    space, sign = found.groups()
    return f"{space}{sign}\\" if sign.isdigit() else f"{space}\\{sign}"
