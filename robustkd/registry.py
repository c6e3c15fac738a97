"""Names for things that live one to a file: a decorator registers them, a lookup finds them."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

from robustkd.errors import BadInputError, nearest

T = TypeVar("T")


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

    def names(self) -> list[str]:
        """The registered names, sorted."""
        if not self._discovered:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self._package}.{module.name}")
            self._discovered = True
        return sorted(self._entries)
