"""Where the bytes of one image come from."""

import hashlib
from pathlib import Path
from typing import IO, Literal, Protocol


class ImageFile(Protocol):
    """The bytes of an image; a `pathlib.Path` is one. `str` of it names it in messages."""

    def open(self, mode: Literal["rb"], /) -> IO[bytes]:
        """Open the image for reading; the caller closes it."""


def digest(file: ImageFile) -> bytes:
    """Return SHA-256 of the bytes of an image."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()  # type: ignore[arg-type]  # an IO[bytes] is enough


def short_name(file: ImageFile) -> str:
    """Return a name for sentences: of a path, the last folder and the name."""
    return "/".join(file.parts[-2:]) if isinstance(file, Path) else str(file)
