"""Packages that import each public name only when it is first used."""

import importlib
from collections.abc import Mapping
from typing import Any


def exported(package: str, homes: Mapping[str, tuple[str, ...]], name: str) -> Any:
    """Import a public name of a package from the module that defines it.

    Args:
        package: The name of the package, for the error message.
        homes: For each module, the public names that it defines.
        name: The name to import.

    Raises:
        AttributeError: The package has no such public name.
    """
    home = next((module for module, names in homes.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
