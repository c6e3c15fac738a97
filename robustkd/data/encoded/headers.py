"""What the beginning of an image file says: size, mode, orientation, number of pages."""

import hashlib
import io
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from PIL import Image, UnidentifiedImageError

from robustkd.data.encoded.image_file import ImageFile
from robustkd.errors import DataError

READER_THREADS = 8
TAIL = 4096
"""The number of bytes at the end of a file that, with its length, nearly always distinguish it from all others."""

END_MARKS = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}
"""What the last bytes of a file of each format hold, unless it is truncated or something follows the image."""

DEEP_MODES = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
ORIENTATION = 0x0112
"""The number of the EXIF tag."""
_EXIF_OF_PNG = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})
TURNED = frozenset({5, 6, 7, 8})
"""The orientations that exchange height and width."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of an image file before it is decoded.

    Attributes:
        size: Width and height of the pixels as they are stored.
        transparent: Whether it has an alpha channel or a transparent colour.
        orientation: The orientation of EXIF, 1 to 8; 1 is upright, and stands for files that have none, and for TIFF,
            which Pillow turns itself.
        pages: Whether it has several pages or frames.
        key: A digest of the file's length and end: equal for equal files.
    """

    size: tuple[int, int]
    transparent: bool
    orientation: int
    pages: bool
    key: bytes


def read_headers(files: Sequence[ImageFile]) -> list[Header | DataError]:
    """Read the beginnings of image files.

    Args:
        files: The files.

    Returns:
        For each file a header, or the error that says why it is no image that can be used.
    """
    with warnings.catch_warnings(), ThreadPoolExecutor(READER_THREADS) as threads:
        warnings.simplefilter("ignore")  # Pillow warns of damaged EXIF data, which says nothing about the pixels
        return list(threads.map(_read, files))


def refuse_broken(problems: Sequence[DataError], count: int) -> None:
    """Raise one error for all files that cannot be used.

    Args:
        problems: An error for each of these files.
        count: The number of files.

    Raises:
        DataError: There is at least one.
    """
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise DataError(f"{len(problems):,} of {count:,} image files cannot be used; the first: {problems[0].args[0]}")


def broken(file: ImageFile, reason: object) -> DataError:
    """Return the error for a file that is no readable image."""
    if isinstance(reason, UnidentifiedImageError):
        reason = "empty" if _is_empty(file) else "of no format that Pillow knows"
    elif isinstance(reason, OSError) and reason.strerror:
        reason = reason.strerror
    return DataError(
        f"{file}: not a readable image ({reason}); remove or replace it, or leave it out with --skip-broken"
    )


def deep(file: ImageFile, mode: str) -> DataError:
    """Return the error for an image with more than 8 bits per channel."""
    return DataError(f"{file}: has more than 8 bits per channel (mode {mode}); convert it to 8 bits")


def _read(file: ImageFile) -> Header | DataError:
    try:
        if isinstance(file, Path) and not file.is_file() and os.path.exists(file):
            return broken(file, "not a regular file")
        with file.open("rb") as opened:
            length = opened.seek(0, os.SEEK_END)
            opened.seek(max(0, length - TAIL))
            tail = opened.read(TAIL)
            key = hashlib.blake2b(tail + str(length).encode(), digest_size=16).digest()
            opened.seek(0)
            with Image.open(opened) as image:
                if image.mode in DEEP_MODES:
                    return deep(file, image.mode)
                if END_MARKS.get(image.format or "", b"") not in tail:
                    _decode_a_copy(opened)
                return Header(image.size, _has_transparency(image), _orientation(image), _has_pages(image), key)
    except Exception as error:  # on a damaged file Pillow's readers raise errors of many kinds
        return broken(file, error)


def _decode_a_copy(opened: IO[bytes]) -> None:
    """Decode an image that seems to be truncated: Pillow says so if it is."""
    opened.seek(0)
    with Image.open(io.BytesIO(opened.read())) as image:
        image.load()


def _is_empty(file: ImageFile) -> bool:
    with file.open("rb") as opened:
        return not opened.read(1)


def _has_transparency(image: Image.Image) -> bool:
    return bool(image.has_transparency_data)


def _orientation(image: Image.Image) -> int:
    if image.format == "TIFF" or (image.format == "PNG" and not _EXIF_OF_PNG & image.info.keys()):
        return 1  # of a PNG without EXIF before its pixels, Pillow would decode all pixels to look behind them
    try:
        found = image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF data: the image itself is readable
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def _has_pages(image: Image.Image) -> bool:
    """Whether there is a second page; those of an MPO file are previews or depth maps of the photograph."""
    return image.format != "MPO" and bool(getattr(image, "is_animated", False))
