"""Downloads that give up where there is no network."""

import contextlib
import socket
from collections.abc import Iterator

DOWNLOAD_TIMEOUT_SECONDS = 20.0


@contextlib.contextmanager
def download_timeout() -> Iterator[None]:
    """Let connections fail that wait longer than `DOWNLOAD_TIMEOUT_SECONDS` for an answer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
