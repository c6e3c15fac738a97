"""A model as written on the command line: ``[NAME=][ARCHITECTURE:]PATH``."""

import re
from pathlib import Path

from robustkd.errors import BadInputError


def parse_model(text: str) -> tuple[str | None, str | None, str]:
    """Take ``[NAME=][ARCHITECTURE:]PATH`` apart; a path that exists as it stands is taken whole.

    Args:
        text: What the user wrote.

    Returns:
        Name, architecture, path.
    """
    found = re.fullmatch(r"(?:(?P<name>[^=/\\:]+)=)?(?P<rest>.+)", text, re.DOTALL)
    if found is None:
        raise BadInputError(f"model {text!r}: must be [NAME=][ARCHITECTURE:]PATH")
    if Path(text).exists():
        return None, None, text
    rest = found["rest"]
    architecture, colon, path = rest.partition(":")
    if colon and not Path(rest).exists() and re.fullmatch(r"[\w.-]{2,}", architecture):
        return found["name"], architecture, path
    return found["name"], None, rest
