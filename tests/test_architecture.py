"""The floors of the package: a file imports from its own floor and from those below it, and in no circle."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import robustkd

PACKAGE = Path(robustkd.__file__).parent

FLOORS = (
    "cli",
    "studies",
    "reporting",
    "evaluations",
    "validity",
    "distillation",
    "attacks",
    "presentation",
    "results",
    "statistics",
    "data",
    "models",
    "published",
)
"""Below these lie the files at the top of the package, which import from no floor."""

ENTRANCES = ("robustkd", "robustkd.__main__", "robustkd.losses", "robustkd.metrics")
"""The entry points for users: they may import everything, and nothing imports them."""

WITHOUT_TORCH = ("cli", "reporting", "presentation", "results", "statistics", "evaluations", "published")


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ("robustkd", *path.relative_to(PACKAGE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(module: str) -> tuple[tuple[str, str], ...]:
    """Every import of a module of the package, wherever in the file it stands: (imported module, imported name)."""
    found = []
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "robustkd"]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "robustkd":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.append((inner, "") if inner in modules() else (str(node.module), alias.name))
    return tuple(found)


def edges() -> Iterator[tuple[str, str]]:
    for module in modules():
        for imported, _ in imports(module):
            yield module, imported


def floor_of(module: str) -> str:
    """The folder at the top of the package, or nothing for a file at the top."""
    name = module.split(".")[1] if "." in module else ""
    return name if name in FLOORS else ""


def entrance(module: str) -> bool:
    """Whether users enter by a module; `robustkd.metrics` is a folder."""
    return module in ENTRANCES or module.startswith("robustkd.metrics.")


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_folder_is_a_floor() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert folders == {*FLOORS, "metrics"}


def test_nothing_is_imported_from_a_floor_above() -> None:
    upwards = []
    for module, imported in edges():
        own, other = floor_of(module), floor_of(imported)
        if entrance(module) or not other:
            continue
        if not own or FLOORS.index(other) < FLOORS.index(own):
            upwards.append(f"{module} imports {imported}")

    assert not upwards


def test_nothing_imports_what_only_users_enter_by() -> None:
    inner = [(module, imported) for module, imported in edges() if not entrance(module)]

    assert not [f"{module} imports {imported}" for module, imported in inner if entrance(imported)]


def test_no_files_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = {module: set() for module in modules()}
    for module, imported in edges():
        graph[module].add(imported)

    assert not circle(graph)


def test_no_neighbouring_folders_import_each_other_in_a_circle() -> None:
    """Folders of one parent; a folder and what lies in it are one thing."""
    graphs: dict[str, dict[str, set[str]]] = {}
    for module, imported in edges():
        own, other = module.split("."), imported.split(".")
        shared = next((depth for depth, pair in enumerate(zip(own, other, strict=False)) if pair[0] != pair[1]), 0)
        parent, first, second = ".".join(own[:shared]), ".".join(own[: shared + 1]), ".".join(other[: shared + 1])
        if shared and is_folder(first) and is_folder(second):
            graphs.setdefault(parent, {}).setdefault(first, set()).add(second)

    assert not {parent: found for parent, graph in graphs.items() if (found := circle(graph))}


def is_folder(module: str) -> bool:
    return module in modules() and modules()[module].name == "__init__.py"


def test_no_evaluation_imports_another() -> None:
    others = []
    for module, imported in edges():
        own, other = module.split(".")[1:3], imported.split(".")[1:3]
        if len(own) == len(other) == 2 and own[0] == other[0] == "evaluations" and own[1] != other[1]:
            others.append(f"{module} imports {imported}")

    assert not others


def test_evaluations_import_no_distillation() -> None:
    below = [module for module in modules() if floor_of(module) in ("evaluations", "reporting")]

    assert not [module for module in below if any(floor_of(name) == "distillation" for name, _ in imports(module))]


def test_nothing_imports_a_private_name() -> None:
    private = [
        f"{module} imports {imported} {name}"
        for module in modules()
        for imported, name in imports(module)
        if name.startswith("_") or any(part.startswith("_") for part in imported.split("."))
    ]

    assert not private


def test_a_folder_of_questions_holds_folders_alone() -> None:
    assert [path.name for path in (PACKAGE / "evaluations").glob("*.py")] == ["__init__.py"]


def test_the_folder_of_methods_holds_methods_alone() -> None:
    files = [path for path in (PACKAGE / "distillation" / "methods").glob("*.py") if path.name != "__init__.py"]

    assert not [path.name for path in files if "@METHODS.register(" not in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("floor", WITHOUT_TORCH)
def test_a_floor_is_imported_without_torch(floor: str) -> None:
    """This concerns all files of the floor, at least until something is measured."""
    names = [name for name in modules() if name.split(".")[1:2] == [floor]]
    program = (
        f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "False"
