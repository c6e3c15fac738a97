"""The directory of what can be had again: downloaded data sets, and what takes long to build."""

import os
from pathlib import Path


def cache_directory() -> Path:
    """Return the directory, ``$XDG_CACHE_HOME/robustkd`` or ``~/.cache/robustkd``; it need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "robustkd"
