"""Names and sentences as text of a format, whatever characters a user's names hold."""

import re

_TEX = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "−": "$-$",
    "–": "--",
    "κ": r"$\kappa$",
    "ε": r"$\varepsilon$",
    "‖": r"$\|$",
}


def latex_text(text: str) -> str:
    """Return text for LaTeX, with its special characters escaped."""
    return "".join(_TEX.get(character, character) for character in text)


def markdown_text(text: str) -> str:
    """Return text for Markdown, with everything escaped that would be read as markup; intervals stay as they are."""
    escaped = re.sub(r"([\\`*<])", r"\\\1", text)
    escaped = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", escaped)
    return pipes_escaped(re.sub(r"\[(?=[^\]]*\][(:])", r"\\[", escaped))


def pipes_escaped(text: str) -> str:
    """Return text for a cell of a Markdown table."""
    return text.replace("|", "\\|")
