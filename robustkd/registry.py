"""Registries: a decorator registers a class or a function under a name, and a lookup finds it by this name."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from robustkd.errors import BadInputError, nearest
from robustkd.plugins import load_installed, place_of

T = TypeVar("T")


class Registry(Generic[T]):
    """The registered classes or functions of one kind, by name.

    To add one, add a file to the package or write a plugin.

    Args:
        kind: The kind of the entries, in the singular, for error messages: ``"method"``.
        package: The package whose modules register themselves when they are imported.
        face: The class that all registered classes derive from; None where functions are registered.
    """

    def __init__(self, kind: str, package: str, face: type | None = None) -> None:
        self.kind = kind
        self._package = package
        self._face = face
        self._entries: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that registers an object under a name that is not taken.

        Args:
            name: The name.

        Raises:
            BadInputError: The name is taken, or the object lacks something that its kind requires.
        """

        def decorate(entry: T) -> T:
            if not _defined(entry)[0].startswith("robustkd."):
                self._discover()  # a plugin must not take the name of an entry that is not imported yet
            self._refuse_unfit(name, entry)
            holder = self._entries.get(name)
            if holder is not None and _defined(holder) != _defined(entry):
                raise BadInputError(
                    f"{self.kind} {name!r} is registered twice: by {_described(holder)} and by {_described(entry)}"
                )
            self._entries[name] = entry
            return entry

        return decorate

    def __getitem__(self, name: str) -> T:
        names = self.names()
        if name not in names:
            raise BadInputError(f"unknown {self.kind} {name!r}: {nearest(name, names)}")
        return self._entries[name]

    def imported(self) -> dict[str, T]:
        """Return the entries that are registered so far, by name, without importing anything."""
        return dict(self._entries)

    def names(self) -> list[str]:
        """Return the registered names, sorted."""
        self._discover()
        return sorted(self._entries)

    def _discover(self) -> None:
        """Import the modules of the package and the installed plugins, once."""
        if self._discovered:
            return
        self._discovered = True
        try:
            package = importlib.import_module(self._package)
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{self._package}.{module.name}")
        except BaseException:
            self._discovered = False
            raise
        load_installed()

    def _refuse_unfit(self, name: str, entry: T) -> None:
        if self._face is None:
            return
        if not (isinstance(entry, type) and issubclass(entry, self._face)):
            raise BadInputError(f"{self.kind} {name!r}: must be a class derived from {self._face.__name__}")
        if missing := _missing(entry):
            raise BadInputError(f"{self.kind} {name!r}: {entry.__name__} does not define {', '.join(missing)}")
        own = getattr(entry, "name", name)
        if isinstance(own, str) and own != name:
            raise BadInputError(f"{self.kind} {name!r}: {entry.__name__}.name is {own!r}; both must be the same")


def _missing(kind: type) -> list[str]:
    """The abstract methods and required class attributes that a class lacks."""
    faces = [base for base in kind.__mro__ if base.__module__.startswith("robustkd.")]
    declared = {name: hint for base in faces for name, hint in inspect.get_annotations(base).items()}
    lacking = [name for name, hint in declared.items() if "ClassVar" in str(hint) and not hasattr(kind, name)]
    return [*sorted(getattr(kind, "__abstractmethods__", ())), *lacking]


def _defined(entry: Any) -> tuple[str, str]:
    """The module and the name that define an entry."""
    inner = getattr(entry, "func", entry)
    return str(getattr(inner, "__module__", "")), str(getattr(inner, "__qualname__", inner))


def _described(entry: Any) -> str:
    module, name = _defined(entry)
    return f"{name} in {place_of(module)}"
