"""Text packed for a page that holds all it needs: compressed, and unpacked by the browser when it is used."""

import base64
import gzip


def packed(text: str) -> str:
    """Return text as gzip in base64; no character of it needs escaping in HTML.

    Args:
        text: Any text.

    Returns:
        ASCII, the same for the same text.
    """
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def unpacked(text: str) -> str:
    """Return the text that `packed` made another of.

    Raises:
        OSError, EOFError, zlib.error, ValueError: The packed text is damaged.
    """
    return gzip.decompress(base64.b64decode(text, validate=True)).decode()
