"""Whether a path is a file that can be read to its end: not a folder, and not a pipe or device that one waits for."""

import os
import stat
from pathlib import Path


def why_not_a_file(path: str | Path) -> str:
    """Return why a path is not a regular file, as the end of a message; empty if it is one.

    Args:
        path: The path.

    >>> why_not_a_file("/nowhere/at/all"), why_not_a_file("/")
    ('no such file', 'is a folder')
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a name with a null character is no file's
        return "no such file"
    except OSError as error:
        return error.strerror or str(error)
    if stat.S_ISDIR(mode):
        return "is a folder"
    return "" if stat.S_ISREG(mode) else "not a regular file"
