"""Pieces of Markdown: tables, docstrings, values."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

_SECTION = re.compile(r"^(?:Args|Attributes|Returns|Raises|Yields):$", re.MULTILINE)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Args:
        head: The heads of the columns.
        rows: The cells, Markdown of one line each.
    """
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def body(docstring: str) -> str:
    """Return a docstring as Markdown, without its sections on arguments and results and without its examples.

    The house style writes docstrings that are Markdown already: a formula is indented, a name is in backticks.
    """
    text = _SECTION.split(docstring)[0]
    paragraphs = [each for each in re.split(r"\n{2,}", text.strip()) if not each.lstrip().startswith(">>>")]
    return "\n\n".join(paragraphs)


def without_reading_order(text: str) -> str:
    """Leave out the paragraph that tells readers of the code in which order to read its files."""
    return "\n\n".join(each for each in text.split("\n\n") if not each.startswith("The files"))


def meanings(docstring: str) -> dict[str, str]:
    """Return what a docstring says of each argument or attribute.

    Args:
        docstring: A docstring with a section ``Args`` or ``Attributes``.
    """
    found: dict[str, str] = {}
    for section in re.findall(r"^(?:Args|Attributes):\n((?:(?: {4}.*)?\n?)+)", docstring, re.MULTILINE):
        for entry in re.split(r"\n(?= {4}\w+:)", "\n" + section):
            name, colon, meaning = entry.strip().partition(":")
            if colon:
                found[name] = one_line(meaning)
    return found


def one_line(text: str) -> str:
    """Return a text with every run of white space as one space."""
    return " ".join(text.split())


def code(text: str) -> str:
    """Return a text as code."""
    return f"`{text}`"


def value(given: Any) -> str:
    """Return a value as a study file has it."""
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, tuple | list):
        return "[" + ", ".join(map(value, given)) + "]"
    if isinstance(given, float):
        return f"{given:.4g}"
    return "null" if given is None else str(given)
