"""The options of encoded images, written after a path or a name: ``PATH@224@exif=apply``."""

import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from robustkd.errors import DataError, nearest


@dataclass(frozen=True)
class ImageOptions:
    """How files become pixels.

    Attributes:
        size: The shorter side is resized to this size, then the centre square is cut out; ``@224`` is short for
            ``@size=224``.
        squash: Height and width that images are resized to; their aspect ratio is lost.
        exif: Whether the orientation that a camera stored is applied; ``ignore``, as torchvision and timm do, by
            default.
        background: The colour behind transparent pixels.
        broken: Whether files that cannot be used are refused, or left out and counted. To find all of them, ``skip``
            decodes every image once.
    """

    size: int | None = None
    squash: int | None = None
    exif: Literal["apply", "ignore"] = "ignore"
    background: Literal["white", "black"] = "white"
    broken: Literal["refuse", "skip"] = "refuse"


Options = TypeVar("Options", bound=ImageOptions)


def split_options(text: str, kind: type[Options]) -> tuple[str, Options]:
    """Split a path or a name from the options after it; an ending that is no option belongs to the path.

    Args:
        text: ``PATH``, or ``PATH@SIZE@NAME=VALUE…`` with options in any order.
        kind: The options that there are.

    Returns:
        The path and the options.

    Raises:
        DataError: An option is unknown, is given twice, or has a value that is not valid.
    """
    whole, given = text, dict[str, Any]()
    while (found := re.fullmatch(r"(?P<head>.+)@(?:(?P<name>\w+)=)?(?P<value>[^@=/\\]+)", text, re.DOTALL)) is not None:
        name, value = found["name"] or "size", found["value"]
        if not _is_option(found["name"], value) or (_exists(text) and not _exists(found["head"])):
            break
        if name in given:
            raise DataError(f"{whole}: the option {name} is given twice")
        given[name] = _value(whole, kind, name, value)
        text = found["head"]
    if None not in (given.get("size"), given.get("squash")):
        raise DataError(f"{whole}: give size or squash, not both")
    return text, kind(**given)


def _exists(text: str) -> bool:
    return os.path.exists(Path(text).expanduser())


def _is_option(name: str | None, value: str) -> bool:
    return name is not None or (value.isdecimal() and int(value) > 0)


def _value(whole: str, kind: type[ImageOptions], name: str, value: str) -> str | int:
    hint = get_type_hints(kind).get(name)
    if hint is None:
        raise DataError(f"{whole}: unknown option {name!r}: {nearest(name, [each.name for each in fields(kind)])}")
    if hint == int | None:
        if not (value.isdecimal() and int(value) > 0):
            raise DataError(f"{whole}: {name} must be a whole number greater than 0, got {value!r}")
        return int(value)
    if (choices := _choices(hint)) and value not in choices:
        raise DataError(f"{whole}: {name} must be {' or '.join(choices)}, got {value!r}")
    return value


def _choices(hint: Any) -> tuple[str, ...]:
    """The values of a ``Literal`` or a union with one; empty where every text is valid."""
    literal = next((each for each in (hint, *get_args(hint)) if get_origin(each) is Literal), None)
    return get_args(literal)
