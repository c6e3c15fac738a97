"""Names and options of methods, evaluations, conditions, data sets and networks, read from their source.

Importing a method imports torch, which takes seconds. A list, a shell completion or an error message about a study file
must not wait for that. Therefore the source files are parsed instead of imported, and only annotations and default
values are evaluated. What a plugin registers is found in its source files in the same way (`plugins.SOURCES`).
"""

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, get_origin, get_type_hints

from robustkd.dataset_name import parse_dataset_name
from robustkd.errors import BadInputError, ModelError, nearest
from robustkd.guide import NEEDS, TOLD, Guide, guide_of_method, needs_in_words
from robustkd.plugins import SOURCES, find_installed_sources
from robustkd.source_file import MISSING, PACKAGE, SourceFile, UnreadableError, evaluated, source_file
from robustkd.type_words import in_words

Kind = Literal["method", "evaluation", "condition", "data set"]

_PLACES: Mapping[Kind, tuple[str, tuple[str, ...]]] = {
    "method": ("METHODS", ("distillation/methods/*.py",)),
    "evaluation": ("EVALUATIONS", ("evaluations/*/__init__.py",)),
    "condition": ("CONDITIONS", ("data/condition.py", "data/conditions/*.py")),
    "data set": ("DATASETS", ("data/sources/*.py", "data/sources/*/__init__.py")),
}


@dataclasses.dataclass(frozen=True)
class OptionDeclaration:
    """An option of a method, an evaluation or a condition.

    Attributes:
        name: The key of the option in a study file.
        annotation: The type of the option, including constraints that pydantic understands.
        default: The default value; `dataclasses.MISSING` if the option is required.
        meaning: The description of the option in the docstring.
    """

    name: str
    annotation: Any
    default: Any
    meaning: str

    @property
    def has_default(self) -> bool:
        """Whether the option may be omitted."""
        return self.default is not MISSING

    @property
    def kind(self) -> str:
        """The type in words, for example ``number, at least 0`` or ``original or sarfraz2020``."""
        return in_words(self.annotation)


@dataclasses.dataclass(frozen=True)
class Declaration:
    """The source-code declaration of something that is registered under a name.

    Attributes:
        kind: The kind of the thing, for example ``method``.
        name: The name in study files and on the command line.
        summary: A description in one sentence.
        doc: The docstring of the module, followed by that of the class or function.
        options: The options, in the order of the source.
        needs_teacher: Whether the method cannot be trained without a teacher; False for other kinds.
        path: The source file.
        guide: What a method or an evaluation says about itself; empty for other kinds.
    """

    kind: Kind
    name: str
    summary: str
    doc: str
    options: tuple[OptionDeclaration, ...]
    needs_teacher: bool
    path: Path
    guide: Guide = dataclasses.field(default_factory=Guide)

    @property
    def papers(self) -> tuple[str, ...]:
        """The sentences of `doc` that cite a paper by an arXiv number, or by a title in italics and a year."""
        text = " ".join(self.doc.split())
        sentences = re.split(r"(?<=[a-z)\]])[.;:] (?=[A-Z])", text)
        return tuple(each.strip() for each in sentences if re.search(r"arXiv \d|\*[^*]+\*.*\b(19|20)\d\d\b", each))


def declared(kind: Kind) -> dict[str, Declaration]:
    """Return the declarations of one kind by name, without importing the code that they declare.

    Args:
        kind: The kind: ``method``, ``evaluation``, ``condition`` or ``data set``.
    """
    registry, patterns = _PLACES[kind]
    found = {}
    for path in [*(path for pattern in patterns for path in sorted(PACKAGE.glob(pattern))), *_plugin_sources()]:
        source = source_file(path)
        for node in source.tree.body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef):
                continue
            for name in _registered(node, registry):
                try:
                    found[name] = _declaration(kind, name, node, source)
                except UnreadableError:
                    importlib.import_module(_REGISTRIES[kind])
                    found[name] = _registered_here(kind, discover=True)[name]
    return dict(sorted({**_registered_here(kind), **found}.items()))


def network_names() -> tuple[str, ...]:
    """Return the names of the networks that robustkd and its plugins add to timm, in the order of the sources."""
    families = sorted((PACKAGE / "models" / "networks").glob("*.py"))
    return (
        *(name for path in families for name in _networks_in(path)),
        *(name for path in _plugin_sources() for name in _models_in(path)),
    )


@cache
def timm_names() -> tuple[str, ...]:
    """Return the names of timm's own networks, sorted, without importing timm."""
    package = importlib.util.find_spec("timm")
    folders = list(package.submodule_search_locations or ()) if package is not None else []
    names = {name for folder in folders for path in (Path(folder) / "models").glob("*.py") for name in _models_in(path)}
    return tuple(sorted(names))


def check_dataset_name(name: str) -> None:
    """Refuse the name of an unknown data set.

    Args:
        name: The name, as for `load_dataset`.

    Raises:
        DataError: There is no such data set. Whether its files are on this machine is not checked.
    """
    parse_dataset_name(name, declared("data set"))


def check_architecture_name(architecture: str) -> None:
    """Refuse the name of an architecture that timm, robustkd and the plugins do not have.

    Args:
        architecture: The name.

    Raises:
        ModelError: There is no such architecture; the message suggests the nearest names.
    """
    known = {*network_names(), *timm_names()}
    if architecture not in known and not _registered_with_timm(architecture):
        raise ModelError(f"unknown architecture {architecture!r}: {nearest(architecture, known)}")


def _registered_with_timm(architecture: str) -> bool:
    """Whether timm, if it is imported, knows a name; a plugin or the user's code may have registered it there."""
    timm = sys.modules.get("timm")
    return timm is not None and "/" not in architecture and ":" not in architecture and timm.is_model(architecture)


def _plugin_sources() -> list[Path]:
    find_installed_sources()
    return [path for path in SOURCES if _may_register(path)]


@cache
def _may_register(path: Path) -> bool:
    """Whether a file may register anything; other files of its package may be for another version of Python."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    if "register" not in text:
        return False
    try:
        source_file(path)
    except BadInputError:  # it was not imported
        return False
    return True


_REGISTRIES: Mapping[Kind, str] = {
    "method": "robustkd.distillation.method",
    "evaluation": "robustkd.evaluations",
    "condition": "robustkd.data.condition",
    "data set": "robustkd.data.loading",
}


def _registered_here(kind: Kind, *, discover: bool = False) -> dict[str, Declaration]:
    """What this process has registered, for example in a notebook or in a way that no source file shows."""
    module = sys.modules.get(_REGISTRIES[kind])
    if module is None:
        return {}
    registry = getattr(module, _PLACES[kind][0])
    if discover:
        registry.names()
    entries = registry.imported()
    return {name: _described(kind, name, entry) for name, entry in entries.items()}


def _described(kind: Kind, name: str, entry: Any) -> Declaration:
    own = inspect.getdoc(entry) or ""
    options: list[OptionDeclaration] = []
    meanings = _meanings(own)
    if kind == "method":
        hints = get_type_hints(entry.__init__, include_extras=True)
        given = [each for each in inspect.signature(entry).parameters.values() if each.kind is each.KEYWORD_ONLY]
        for each in given:
            default = MISSING if each.default is inspect.Parameter.empty else each.default
            options.append(
                OptionDeclaration(each.name, hints.get(each.name, Any), default, meanings.get(each.name, ""))
            )
    elif kind in ("evaluation", "condition"):
        fields = entry.Options if kind == "evaluation" else entry
        hints = get_type_hints(fields, include_extras=True)
        for field in dataclasses.fields(fields):
            made = field.default_factory
            default = made() if made is not dataclasses.MISSING else field.default
            options.append(OptionDeclaration(field.name, hints[field.name], default, meanings.get(field.name, "")))
    summary = getattr(entry, "question", "") or _first_sentence(own)
    needs_teacher = bool(getattr(entry, "needs_teacher", False))
    path = Path(getattr(sys.modules.get(entry.__module__), "__file__", None) or entry.__module__)
    guide = Guide()
    if kind == "evaluation":
        needed = needs_in_words([field for field in NEEDS if getattr(entry.requires, field)])
        guide = Guide(needs=needed, **{key: getattr(entry, key) for key in TOLD})
    elif kind == "method":
        guide = guide_of_method(needs_teacher, *(getattr(entry, key) for key in ("matches", "cost", "cites")))
    return Declaration(kind, name, summary, own, tuple(options), needs_teacher, path, guide)


def _registered(node: ast.ClassDef | ast.FunctionDef, registry: str) -> Iterator[str]:
    for each in node.decorator_list:
        if isinstance(each, ast.Call) and ast.unparse(each.func).split(".")[-2:] == [registry, "register"]:
            yield from (str(given.value) for given in each.args[:1] if isinstance(given, ast.Constant))


def _networks_in(path: Path) -> list[str]:
    """The keys of the dictionary ``NETWORKS`` of a family of networks."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(value, ast.Dict) and any(isinstance(to, ast.Name) and to.id == "NETWORKS" for to in targets):
            return [str(key.value) for key in value.keys if isinstance(key, ast.Constant)]
    return []


def _models_in(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return re.findall(r"^@register_model(?:\(\))?\s*\ndef (\w+)\(", text, re.MULTILINE)


def _declaration(kind: Kind, name: str, node: ast.ClassDef | ast.FunctionDef, source: SourceFile) -> Declaration:
    own, module = ast.get_docstring(node) or "", ast.get_docstring(source.tree) or ""
    options: list[OptionDeclaration] = []
    needs_teacher = False
    summary, guide = _first_sentence(own), Guide()
    if isinstance(node, ast.ClassDef):
        if kind == "method":
            needs_teacher = bool(_class_value("needs_teacher", node, source, True))
            options = list(_arguments(node, source))
            matches, cost, cites = (_class_value(key, node, source, None) for key in ("matches", "cost", "cites"))
            guide = guide_of_method(needs_teacher, matches or "response", cost, cites or "")
        elif kind == "condition":
            options = list(_fields(node, source))
        elif kind == "evaluation":
            summary = str(_class_value("question", node, source, summary))
            options = _options_of(node, source)
            told = {key: str(_class_value(key, node, source, "")) for key in TOLD}
            guide = Guide(needs=needs_in_words(_required(node)), **told)
    doc = f"{module}\n\n{own}".strip()
    return Declaration(kind, name, summary, doc, tuple(options), needs_teacher, source.path, guide)


def _required(node: ast.ClassDef) -> list[str]:
    """The fields of the `Requirements` of an evaluation that are true, or not empty."""
    for each in node.body:
        targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
        value = getattr(each, "value", None)
        if isinstance(value, ast.Call) and any(isinstance(to, ast.Name) and to.id == "requires" for to in targets):
            return [
                str(given.arg)
                for given in value.keywords
                if isinstance(given.value, ast.Constant) and given.value.value
            ]
    return []


def _options_of(node: ast.ClassDef, source: SourceFile) -> list[OptionDeclaration]:
    for each in node.body:
        if isinstance(each, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "Options" for to in each.targets):
            found = source.definition(ast.unparse(each.value))
            return list(_fields(*found)) if found is not None else []
    return []


def _bases(node: ast.ClassDef, source: SourceFile) -> Iterator[tuple[ast.ClassDef, SourceFile]]:
    """A class and its base classes, as far as their sources can be found."""
    yield node, source
    for base in node.bases:
        found = source.definition(ast.unparse(base))
        if found is not None:
            yield from _bases(*found)


def _class_value(name: str, node: ast.ClassDef, source: SourceFile, otherwise: Any) -> Any:
    for kind, where in _bases(node, source):
        for each in kind.body:
            targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                value = getattr(each, "value", None)
                found = evaluated(value, where.names()) if isinstance(value, ast.expr) else MISSING
                return otherwise if found is MISSING else found
    return otherwise


def _arguments(node: ast.ClassDef, source: SourceFile) -> Iterator[OptionDeclaration]:
    """The keyword-only arguments of the constructor of a class, which may be inherited."""
    for kind, where in _bases(node, source):
        made = next((each for each in kind.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
        if made is None:
            continue
        inherited = [_meanings(ast.get_docstring(each) or "") for each, _ in reversed(list(_bases(node, source)))]
        meanings = {
            name: text
            for found in (*inherited, _meanings(ast.get_docstring(made) or ""))
            for name, text in found.items()
        }
        for argument, default in zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True):
            yield _option(argument.arg, argument.annotation, default, where, meanings)
        return


def _fields(node: ast.ClassDef, source: SourceFile) -> Iterator[OptionDeclaration]:
    """The fields of a dataclass, those of its bases first."""
    for kind, where in reversed(list(_bases(node, source))):
        meanings = _meanings(ast.get_docstring(kind) or "")
        for each in kind.body:
            if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
                continue
            annotation = evaluated(each.annotation, where.names())
            if annotation is not ClassVar and get_origin(annotation) is not ClassVar:
                yield _option(each.target.id, each.annotation, each.value, where, meanings)


def _option(
    name: str, annotation: ast.expr | None, default: ast.expr | None, source: SourceFile, meanings: Mapping[str, str]
) -> OptionDeclaration:
    known = source.names()
    kind = evaluated(annotation, known) if annotation is not None else Any
    if kind is MISSING:
        raise UnreadableError(name)
    value = evaluated(default, known) if default is not None else MISSING
    if isinstance(value, dataclasses.Field):
        made = value.default_factory
        value = made() if made is not dataclasses.MISSING else value.default
    return OptionDeclaration(name, kind, value, meanings.get(name, ""))


def _meanings(docstring: str) -> dict[str, str]:
    """The description of each name in the sections Args and Attributes of a docstring."""
    text = inspect.cleandoc(docstring)
    found: dict[str, str] = {}
    for section in re.findall(r"^(?:Args|Attributes):\n((?:(?: {4}.*)?\n?)+)", text, re.MULTILINE):
        for entry in re.split(r"\n(?= {4}\w+ *(?:\([^)]*\))?:)", "\n" + section):
            name, colon, meaning = entry.strip().partition(":")
            if colon:
                found[name.split(" ")[0]] = " ".join(meaning.split())
    return found


def _first_sentence(text: str) -> str:
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=\.) ", paragraph)[0]
