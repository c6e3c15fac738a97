"""Methods, evaluations, data sets, conditions and networks that are defined outside this package.

A plugin is a Python file or module that registers what it defines when it is imported, as the modules of this package
do. The user names it (`load_plugins`), or an installed distribution provides it through the entry-point group
``robustkd.plugins`` (`load_installed`). The SHA-256 of its source (`digest_of`) is part of every cache key that depends
on what it defines. Worker processes and other machines load the same source (`loaded_plugins`, `receive`).
"""

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from robustkd.errors import BadInputError, RobustKDError

GROUP = "robustkd.plugins"
OPT_OUT = "ROBUSTKD_NO_PLUGINS"
"""The environment variable that disables installed plugins; empty and 0 mean that they are used."""

SOURCES: list[Path] = []
"""The source files of all plugins that were loaded or found installed."""


@dataclass(frozen=True)
class Plugin:
    """A plugin and its source; it can be sent to other processes and machines.

    Attributes:
        name: The absolute path of a file, or the dotted name of a module.
        module: The name under which it is imported.
        digest: SHA-256 of the file, or of all Python files of the module's top-level package.
        source: The content of a file; None for a module, which must be installed wherever it is loaded.
    """

    name: str
    module: str
    digest: str
    source: bytes | None = None

    @property
    def root(self) -> str:
        """The name of the top-level module."""
        return self.module.partition(".")[0]


_tried: dict[str, Plugin] = {}
_loaded: dict[str, Plugin] = {}
_looked_for_installed = False


def load_plugins(given: Sequence[str]) -> None:
    """Import plugins, each once.

    Args:
        given: For each plugin, the path of a Python file or the dotted name of a module.

    Raises:
        BadInputError: A plugin does not exist, fails to import, or registers something that is incomplete or whose name
            is taken. The message is one line: file, line and reason.
    """
    for name in given:
        imported(name)


def imported(name: str) -> ModuleType:
    """Import a Python file or module, once.

    While a file is executed, modules beside it can be imported.

    Args:
        name: The path of the file, or the dotted name of the module.

    Raises:
        BadInputError: As for `load_plugins`.
    """
    is_path = name.endswith(".py") or "/" in name or os.sep in name
    plugin = _file_plugin(name) if is_path else _module_plugin(name)
    _load(plugin)
    return sys.modules[plugin.module]


def load_installed() -> None:
    """Import the plugins that installed distributions provide; only the first call has an effect.

    A plugin that fails is skipped with a one-line warning on standard error, because a broken package must not stop
    commands that do not need it. A command that needs it fails later, because the name is unknown.
    """
    global _looked_for_installed
    if _looked_for_installed:
        return
    _looked_for_installed = True
    for entry in _installed():
        try:
            _load(_module_plugin(entry.module))
        except BadInputError as error:
            source = f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "an installed package"
            print(
                f"warning: the plugin {entry.name!r} of {source} is not loaded: {error}; "
                f"fix or uninstall {source}, or set {OPT_OUT}=1 to use no installed plugin",
                file=sys.stderr,
                flush=True,
            )


def find_installed_sources() -> None:
    """Add the source files of installed plugins to `SOURCES`, without importing them."""
    for entry in _installed():
        _add_sources(_files(entry.module.partition(".")[0]))


def loaded() -> tuple[str, ...]:
    """Return the names of the loaded plugins: absolute paths and dotted module names."""
    return tuple(plugin.name for plugin in _loaded.values())


def loaded_plugins() -> tuple[Plugin, ...]:
    """Return the loaded plugins, to be passed to `receive` in another process."""
    return tuple(_loaded.values())


def receive(plugins: Iterable[Plugin]) -> None:
    """Load the plugins of the process that started this one.

    A plugin file is executed from the source that was sent, so it need not exist on this machine.

    Args:
        plugins: The result of `loaded_plugins` in that process.

    Raises:
        BadInputError: A module is missing on this machine, or its source differs.
    """
    for plugin in plugins:
        if plugin.source is None and _module_plugin(plugin.name).digest != plugin.digest:
            raise BadInputError(
                f"plugin {plugin.name}: its source on this machine differs from the one on the machine that started "
                "the study; install the same version on both"
            )
        _load(plugin)


def digest_of(thing: Any) -> str | None:
    """Return the SHA-256 of the source of the plugin that defines something.

    Args:
        thing: A class, a function or a `functools.partial`. For a class, the plugins of its base classes count too.

    Returns:
        The digest in hexadecimal; None if no plugin is involved. Something that is registered without a plugin, for
        example in a notebook, has no digest either: increase its `version` when it changes.
    """
    kind = getattr(thing, "func", thing)
    lineage = kind.__mro__ if isinstance(kind, type) else (kind,)
    roots = {str(getattr(each, "__module__", "")).partition(".")[0] for each in lineage}
    digests = sorted({plugin.digest for plugin in _tried.values() if plugin.root in roots})
    if len(digests) < 2:
        return digests[0] if digests else None
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def place_of(module: str) -> str:
    """Return the name of a module for messages: the path of a plugin file, otherwise the dotted name."""
    plugin = _tried.get(module)
    return module if plugin is None or plugin.source is None else _shown(plugin.name)


def _installed() -> list[EntryPoint]:
    if os.environ.get(OPT_OUT, "0") not in ("", "0"):
        return []
    return sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))


def _file_plugin(name: str) -> Plugin:
    path = Path(name).expanduser().resolve()
    if path.is_dir():
        raise BadInputError(f"plugin {name}: is a folder; give a Python file, or the name of a module")
    try:
        source = path.read_bytes()
    except FileNotFoundError as error:
        raise BadInputError(f"plugin {name}: no such file") from error
    except OSError as error:
        raise BadInputError(f"plugin {name}: cannot be read ({error.strerror})") from error
    unique = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    module = f"robustkd_plugin_{re.sub(r'[^0-9A-Za-z]', '_', path.stem)}_{unique}"
    return Plugin(str(path), module, hashlib.sha256(source).hexdigest(), source)


def _module_plugin(name: str) -> Plugin:
    files = _files(name.partition(".")[0])
    if not files:
        raise BadInputError(f"plugin {name}: no such module; to load a file, give its path, such as ./{name}.py")
    hasher = hashlib.sha256()
    for relative, path in files.items():
        content = path.read_bytes()
        hasher.update(f"{relative}\0{len(content)}\0".encode() + content)
    return Plugin(name, name, hasher.hexdigest())


def _files(root: str) -> dict[str, Path]:
    """The Python files of a top-level module or package, found without importing it."""
    try:
        spec = importlib.util.find_spec(root) if root.isidentifier() else None
    except ValueError:  # a module that was created by code has no specification
        spec = None
    if spec is None:
        return {}
    if spec.submodule_search_locations is None:
        return {Path(spec.origin).name: Path(spec.origin)} if spec.origin and spec.origin.endswith(".py") else {}
    folders = [Path(folder) for folder in spec.submodule_search_locations]
    found = {path.relative_to(folder).as_posix(): path for folder in folders for path in folder.rglob("*.py")}
    return dict(sorted(found.items()))


def _load(plugin: Plugin) -> None:
    held = _loaded.get(plugin.module)
    if held is not None:
        if held.digest != plugin.digest:
            raise BadInputError(f"plugin {_shown(plugin.name)}: changed since it was loaded; restart Python")
        return
    _tried[plugin.module] = plugin
    try:
        if plugin.source is None:
            importlib.import_module(plugin.module)
        else:
            _execute(plugin)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way
        sys.modules.pop(plugin.module, None)
        raise BadInputError(_failure(plugin, error)) from error
    _loaded[plugin.module] = plugin
    _add_sources(_sources(plugin))


class _HeldSource(SourceFileLoader):
    """Loads a file from source that is already in memory, so that exactly the hashed source is executed."""

    def __init__(self, module: str, path: str, source: bytes) -> None:
        super().__init__(module, path)
        self._source = source

    def get_data(self, path: str) -> bytes:
        return self._source

    def path_stats(self, path: str) -> Any:
        raise OSError("no bytecode is read or written")


def _execute(plugin: Plugin) -> None:
    loader = _HeldSource(plugin.module, plugin.name, plugin.source or b"")
    spec = importlib.util.spec_from_file_location(plugin.module, plugin.name, loader=loader)
    assert spec is not None  # a loader was given
    module = importlib.util.module_from_spec(spec)
    sys.modules[plugin.module] = module
    beside = str(Path(plugin.name).parent)
    sys.path.insert(0, beside)
    try:
        loader.exec_module(module)
    finally:
        sys.path.remove(beside)


def _failure(plugin: Plugin, error: BaseException) -> str:
    """Describe an error by the innermost line inside the plugin, its type and its message."""
    reason = (str(error).strip().splitlines() or ["no message"])[0]
    if not isinstance(error, RobustKDError):
        reason = f"{type(error).__name__}: {getattr(error, 'msg', None) or reason}"
    places = list(_places(error))
    own = {str(path) for path in _sources(plugin).values()}
    inside = [(path, line) for path, line in places if path in own]
    if not inside:
        return f"plugin {_shown(plugin.name)}: {reason}"
    path, line = inside[-1]
    return f"{_shown(path)}:{line}: {reason}"


def _places(error: BaseException) -> Iterator[tuple[str, int | None]]:
    for frame in traceback.extract_tb(error.__traceback__):
        yield frame.filename, frame.lineno
    if isinstance(error, SyntaxError) and error.filename:
        yield error.filename, error.lineno


def _sources(plugin: Plugin) -> dict[str, Path]:
    return _files(plugin.root) if plugin.source is None else {plugin.name: Path(plugin.name)}


def _add_sources(files: dict[str, Path]) -> None:
    SOURCES.extend(path for path in files.values() if path not in SOURCES)


def _shown(path: str) -> str:
    """The path relative to the working directory if it is inside it, otherwise the path as it is."""
    held = Path(path)
    return str(held.relative_to(Path.cwd())) if held.is_absolute() and held.is_relative_to(Path.cwd()) else path
