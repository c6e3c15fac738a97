"""Names for things that live one to a file: a decorator registers them, a lookup finds them."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from robustkd.errors import BadInputError, nearest

T = TypeVar("T")

EXTRA_SOURCES: list[Path] = []
"""Source files of plugins."""


class Registry(Generic[T]):
    """The things of one kind, found by name; adding one means adding a file to the package.

    Args:
        kind: What is registered, in the singular, for messages: ``"method"``.
        package: The package whose modules register themselves when they are imported.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Register the decorated object under a name that nothing else holds."""

        def decorate(entry: T) -> T:
            holder = self._entries.get(name)
            if holder is not None and getattr(holder, "__module__", None) != getattr(entry, "__module__", 0):
                raise ValueError(f"{self.kind} {name!r} is already registered by {holder!r}")
            self._entries[name] = entry
            return entry

        return decorate

    def __getitem__(self, name: str) -> T:
        names = self.names()
        if name not in names:
            raise BadInputError(f"unknown {self.kind} {name!r}: {nearest(name, names)}")
        return self._entries[name]

    def imported(self) -> dict[str, T]:
        """The entries registered so far, by name; nothing is imported for it."""
        return dict(self._entries)

    def names(self) -> list[str]:
        """The registered names, sorted."""
        if not self._discovered:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self._package}.{module.name}")
            self._discovered = True
        return sorted(self._entries)


def exported(package: str, homes: Mapping[str, tuple[str, ...]], name: str) -> Any:
    """Import a public name of a package from the module that defines it.

    Args:
        package: The package, for the message.
        homes: By module the names that the package offers from it.
        name: The name that was asked for.

    Raises:
        AttributeError: The package offers no such name.
    """
    home = next((module for module, names in homes.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
