"""The options of a folder of images, written after its path: ``PATH@224@exif=apply``."""

import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from robustkd.errors import DataError, nearest


@dataclass(frozen=True)
class FolderOptions:
    """How the classes of a folder are numbered, and how its files become pixels.

    Attributes:
        size: The shorter side is resized to this size, then the centre square is cut out; ``@224`` is short for
            ``@size=224``.
        squash: Height and width that images are resized to; their aspect ratio is lost.
        order: The order of the classes: ``natural`` (1, 2, 10), as timm numbers them, or ``name`` (1, 10, 2), as
            torchvision does. By default ``natural`` where all names are whole numbers, otherwise ``name``.
        exif: Whether the orientation that a camera stored is applied; ``ignore``, as torchvision and timm do, by
            default.
        background: The colour behind transparent pixels.
    """

    size: int | None = None
    squash: int | None = None
    order: Literal["name", "natural"] | None = None
    exif: Literal["apply", "ignore"] = "ignore"
    background: Literal["white", "black"] = "white"


_CHOICES = {"order": ("name", "natural"), "exif": ("apply", "ignore"), "background": ("white", "black")}
_SIZES = ("size", "squash")


def split_options(text: str) -> tuple[Path, FolderOptions]:
    """Split a path from the options after it; an ending that is no option belongs to the path.

    Args:
        text: ``PATH``, or ``PATH@SIZE@NAME=VALUE…`` with options in any order.

    Returns:
        The path, with the user's home directory for ``~``, and the options.

    Raises:
        DataError: An option is unknown, is given twice, or has a value that is not valid.
    """
    whole, given = text, dict[str, Any]()
    while (found := re.fullmatch(r"(?P<head>.+)@(?:(?P<name>\w+)=)?(?P<value>[^@=/\\]+)", text, re.DOTALL)) is not None:
        name, value = found["name"] or "size", found["value"]
        if not _is_option(found["name"], value) or (_is_folder(text) and not _is_folder(found["head"])):
            break
        if name in given:
            raise DataError(f"{whole}: the option {name} is given twice")
        given[name] = _value(whole, name, value)
        text = found["head"]
    if None not in (given.get("size"), given.get("squash")):
        raise DataError(f"{whole}: give size or squash, not both")
    return Path(text).expanduser(), FolderOptions(**given)


def _is_folder(text: str) -> bool:
    return os.path.isdir(Path(text).expanduser())


def _is_option(name: str | None, value: str) -> bool:
    return name is not None or (value.isdecimal() and int(value) > 0)


def _value(whole: str, name: str, value: str) -> str | int:
    if name in _SIZES:
        if not (value.isdecimal() and int(value) > 0):
            raise DataError(f"{whole}: {name} must be a whole number greater than 0, got {value!r}")
        return int(value)
    if name not in _CHOICES:
        raise DataError(
            f"{whole}: unknown option {name!r}: {nearest(name, [each.name for each in fields(FolderOptions)])}"
        )
    if value not in _CHOICES[name]:
        raise DataError(f"{whole}: {name} must be {' or '.join(_CHOICES[name])}, got {value!r}")
    return value
