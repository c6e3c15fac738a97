"""Names of files, from any text."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

LONGEST = 100
"""The longest name, in bytes, without its suffix."""


def file_name(text: str) -> str:
    """Return text as the name of a file on any system: letters and digits of ASCII, ``_``, ``.`` and ``-``.

    Args:
        text: Any text, such as the name of a network.

    Returns:
        At most `LONGEST` characters. Text in another script, or too long, is told apart by a digest.

    >>> file_name("../a b/<c>")
    'a-b-c'
    """
    plain = unicodedata.normalize("NFKD", text)
    name = re.sub(r"[^A-Za-z0-9_.]+", "-", "".join(each for each in plain if not unicodedata.combining(each)))
    name = re.sub(r"\.{2,}", ".", name).strip("-.")
    if len(name) <= LONGEST and _letters(name) == _letters(plain):
        return name or "unnamed"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return "-".join(filter(None, (name[: LONGEST - 9].strip("-."), digest)))


def unique_names(names: Sequence[str]) -> list[str]:
    """Number names that would be the same file, on systems that take upper and lower case for the same too."""
    taken: set[str] = set()
    found = []
    for name in names:
        free, count = name, 1
        while free.casefold() in taken:
            count += 1
            free = f"{name}-{count}"
        taken.add(free.casefold())
        found.append(free)
    return found


def _letters(text: str) -> int:
    return sum(each.isalnum() for each in text)
