"""Python files that are parsed but not imported: their classes, and the values of annotations and defaults."""

import ast
import dataclasses
import importlib
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from robustkd.errors import BadInputError

PACKAGE = Path(__file__).parent

_HARMLESS = ("typing", "dataclasses", "pydantic", "enum", "collections.abc", "math")
"""Modules that are imported because annotations and defaults may use their names."""

MISSING: Any = dataclasses.MISSING
"""Marks a missing value."""


class UnreadableError(Exception):
    """The type of an option cannot be evaluated without importing the file."""


@dataclasses.dataclass(frozen=True, eq=False)
class SourceFile:
    """A parsed Python file.

    Attributes:
        path: The path of the file.
        tree: The syntax tree of the file.
    """

    path: Path
    tree: ast.Module

    def definition(self, name: str) -> "tuple[ast.ClassDef, SourceFile] | None":
        """Return the definition of a class and the file that contains it.

        Args:
            name: The name of the class in this file.

        Returns:
            The class and its file: this file, or one that this file imports the class from. None if the class is in a
            file that cannot be found without importing it.
        """
        for node in self.tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return node, self
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name and (path := self.imported_file(node)) is not None:
                        return source_file(path).definition(alias.name)
        return None

    def imported_file(self, imported: ast.ImportFrom) -> Path | None:
        """Return the file that an import refers to; None if it cannot be found without importing it."""
        parts = (imported.module or "").split(".") if imported.module else []
        if imported.level:
            folder = self.path.parents[imported.level - 1]
        elif parts[:1] == ["robustkd"]:
            folder, parts = PACKAGE, parts[1:]
        else:
            folder = self.path.parent
        place = folder.joinpath(*parts)
        candidates = (place.with_suffix(".py") if parts else place / "__init__.py", place / "__init__.py")
        return next((path for path in candidates if path.is_file()), None)

    def names(self) -> dict[str, Any]:
        """Return the values of the names that annotations and defaults may use: harmless imports, plain assignments."""
        return _names_in(self.path)


@cache
def source_file(path: Path) -> SourceFile:
    """Parse a Python file; the result is cached.

    Args:
        path: The path of the file.

    Raises:
        BadInputError: The file is not valid Python.
    """
    try:
        return SourceFile(path, ast.parse(path.read_text(encoding="utf-8")))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not readable as Python ({error})") from error


@cache
def _names_in(path: Path) -> dict[str, Any]:
    source, known = source_file(path), {}
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module in _HARMLESS:
            module = importlib.import_module(str(node.module))
            known.update({alias.asname or alias.name: getattr(module, alias.name) for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            file = source.imported_file(node)
            other = _names_in(file) if file is not None and file != path else {}
            known.update({alias.asname or alias.name: other[alias.name] for alias in node.names if alias.name in other})
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_plain(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and (value := evaluated(node.value, known)) is not MISSING:
                    known[target.id] = value
    return known


def _is_plain(node: ast.expr) -> bool:
    """Whether an expression only calls functions that build a constraint or a default."""
    calls = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
    return all(isinstance(func, ast.Name) and func.id in ("Field", "field", "float", "tuple", "dict") for func in calls)


def evaluated(node: ast.expr, known: Mapping[str, Any]) -> Any:
    """Evaluate an annotation or a default.

    Args:
        node: The expression.
        known: The names that the expression may use, and their values; see `SourceFile.names`.

    Returns:
        The value of the expression; `MISSING` if it uses something that is only known after an import.
    """
    try:
        return eval(compile(ast.Expression(node), "<declaration>", "eval"), dict(known))
    except Exception:  # a name or an attribute is unknown
        return MISSING
