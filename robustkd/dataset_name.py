"""The names of data sets: ``cifar10``, or a kind and what follows it, ``folder:PATH`` and ``torchvision/NAME``."""

import re
from collections.abc import Collection

from robustkd.errors import DataError, nearest


def parse_dataset_name(name: str, known: Collection[str]) -> tuple[str, str]:
    """Split the name of a data set.

    Args:
        name: The name, as for `load_dataset`.
        known: The names that there are; after one that ends in a colon or a slash something follows.

    Returns:
        The known name, and what follows it.

    Raises:
        DataError: There is no such data set, or nothing follows.

    >>> parse_dataset_name("folder:pets@224", ["digits", "folder:"])
    ('folder:', 'pets@224')
    """
    found = re.match(r"[^:/]*[:/]?", name)
    kind = found[0] if found is not None else name
    if kind not in known:
        raise DataError(f"unknown data set {name!r}: {nearest(name, known)}")
    rest = name[len(kind) :]
    if kind[-1:] in (":", "/") and not rest:
        raise DataError(f"{name!r} needs a {'path after the colon' if kind[-1] == ':' else 'name after the slash'}")
    return kind, rest
