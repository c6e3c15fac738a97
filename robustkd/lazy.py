"""Packages that import their public names when these are first used."""

import importlib
from collections.abc import Mapping
from typing import Any


def exported(package: str, homes: Mapping[str, tuple[str, ...]], name: str) -> Any:
    """Import a public name of a package from the module that defines it.

    Args:
        package: The name of the package, for the message.
        homes: The names that the package offers from each module.
        name: The name to import.

    Raises:
        AttributeError: The package offers no such name.
    """
    home = next((module for module, names in homes.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
