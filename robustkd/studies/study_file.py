"""Reading of study files: YAML is parsed, merged with the file that it extends, overridden and validated."""

import re
from pathlib import Path
from typing import Any

import yaml

from robustkd.errors import BadInputError, StudyError
from robustkd.plugins import load_plugins
from robustkd.studies.network_entry import beside, placed_beside
from robustkd.studies.options import Place, PlaceError
from robustkd.studies.study import Study, names_or_mapping
from robustkd.studies.validation import validated
from robustkd.studies.yaml_text import YAML_ERRORS, parsed, parsed_option, problem_place
from robustkd.studies.yaml_text import problem as yaml_problem


def load_study(path: Path, overrides: tuple[str, ...] = ()) -> Study:
    """Read and validate a study file.

    Args:
        path: The YAML file. Its key ``extends`` may name another study file; the keys of this file are added to that
            file's keys or replace them.
        overrides: Settings of the form ``a.b=value``, applied before validation; the value is read as YAML.

    Returns:
        The study.

    Raises:
        StudyError: The file or an override is not valid. The message is one line: the file, the line and the key (or
            the override), what is wrong, and the nearest valid name.

    >>> import tempfile
    >>> from pathlib import Path
    >>> import robustkd as rk
    >>> text = '''
    ... name: example
    ... data: {name: digits, train_images: 100}
    ... students: {architecture: cifar_wrn_10_1, methods: [baseline], seeds: 0}
    ... training: {epochs: 1, milestones: []}
    ... evaluations: [generalization]
    ... '''
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name) / "study.yaml"
    >>> _ = file.write_text(text)
    >>> study = rk.load_study(file, ("training.epochs=2",))
    >>> study.name, study.training.epochs
    ('example', 2)
    >>> folder.cleanup()
    """
    content, sources = _read(path, ())
    for setting in overrides:
        override(content, setting)
    try:
        _refuse_keys_that_are_no_names(content)
        _load_plugins(content)
        return validated(content)
    except PlaceError as problem:
        source, line, depth, keys = _where(sources, problem.place)
        place, told = f"{source}{f':{line}' if line else ''}", ".".join(keys)
        cause = _override_of(overrides, problem.place, in_file=depth == len(problem.place))
        if cause is not None:
            place = f"--set {cause}"
            told = "" if cause.partition("=")[0] == told else told
        raise StudyError(f"{place}: {told}{': ' if told else ''}{problem}") from problem


def named_studies(path: Path) -> list[Path]:
    """Return the study files that a file stands for.

    Args:
        path: A study file, or a collection: a file whose only key is ``studies``, a list of paths relative to it.

    Returns:
        The files: the given one for a study.

    Raises:
        StudyError: The file cannot be read, or is not a valid collection.
    """
    content, text = _content(path)
    if "studies" not in content:
        return [path]
    here = f"{path}:{_line_of(text, ('studies',))[0]}: studies"
    listed = content["studies"]
    if len(content) > 1:
        raise StudyError(f"{here}: a collection of studies has no other key, got {', '.join(map(str, content))}")
    if not isinstance(listed, list) or not listed or not all(isinstance(each, str) for each in listed):
        raise StudyError(f"{here}: must be a list of paths of study files, got {listed!r}")
    files = [path.parent / each for each in listed]
    for file in files:
        if "studies" in _content(file)[0]:
            raise StudyError(f"{here}: {file}: is a collection itself; name its studies here")
    return files


def study_yaml(study: Study) -> str:
    """Return a validated study as YAML, with all default values filled in."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def override(content: dict[str, Any], text: str) -> None:
    """Apply an override ``a.b=value`` to settings in place; the value is read as YAML.

    Args:
        content: The settings as nested mappings and lists.
        text: The override. A number in its key is a position in a list, counted from 0.

    Raises:
        StudyError: The override does not have this form, or its key does not fit the settings.
    """
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise StudyError(f"--set {text}: must be key=value, as in training.epochs=5")
    replacement = parsed_option(value, f"--set {key}")
    *parents, last = key.split(".")
    place: Any = content
    for parent in parents:
        place = _step(place, parent, text)
    if isinstance(place, list):
        place[_position(place, last, text)] = replacement
    else:
        place[last] = replacement


def _step(place: Any, key: str, text: str) -> Any:
    if isinstance(place, list):
        position = _position(place, key, text)
        inner = place[position]
    else:
        inner = place.get(key)
    if isinstance(inner, list) and not (inner and all(isinstance(name, str) for name in inner)):
        return inner
    inner = names_or_mapping(inner)
    inner = {} if inner is None else inner
    if not isinstance(inner, dict):
        raise StudyError(f"--set {text}: {key} is not a mapping, so it has no keys to set")
    if isinstance(place, list):
        place[position] = inner
    else:
        place[key] = inner
    return inner


def _position(entries: list[Any], key: str, text: str) -> int:
    if not key.isdigit() or int(key) >= len(entries):
        raise StudyError(f"--set {text}: {key} must be a position in the list, from 0 to {len(entries) - 1}")
    return int(key)


def _read(path: Path, above: tuple[Path, ...]) -> tuple[dict[str, Any], list[tuple[Path, str]]]:
    """Return the content of a file merged with the file it extends, and the texts of all files read, its own first."""
    content, text = _content(path)
    if isinstance(content.get("plugins"), list):
        content["plugins"] = [_beside(path, plugin) for plugin in content["plugins"]]
    _place_networks(content, path.resolve())
    if "extends" not in content:
        return content, [(path, text)]
    base, here = content.pop("extends"), f"{path}:{_line_of(text, ('extends',))[0]}: extends"
    if not isinstance(base, str) or "\0" in base:
        raise StudyError(f"{here}: must be the path of a study file, got {base!r}")
    other = path.parent / base
    if other.resolve() in (*above, path.resolve()):
        raise StudyError(f"{here}: circular reference to {base}, which extends this file: remove one key extends")
    if not other.exists():
        raise StudyError(f"{here}: {other}: no such file")
    inherited, sources = _read(other, (*above, path.resolve()))
    return _merged(inherited, content), [(path, text), *sources]


def _content(path: Path) -> tuple[dict[str, Any], str]:
    """Return the content of a file and its text."""
    if path.exists() and not path.is_file():
        raise StudyError(f"{path}: not a file")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StudyError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise StudyError(f"{path!s}: cannot be read as text ({error})") from error
    try:
        content = parsed(text)
    except YAML_ERRORS as error:
        raise StudyError(f"{path}{problem_place(error)}: not valid YAML ({yaml_problem(error)})") from error
    if not isinstance(content, dict):
        raise StudyError(f"{path}: must be a mapping with the keys {', '.join(Study.model_fields)}")
    return content, text


def _place_networks(content: Any, file: Path) -> None:
    """Resolve the paths of given teachers, and of checkpoints to begin with, relative to the study file."""
    waiting, seen = [content], set()  # in YAML, a value can contain itself
    while waiting:
        held = waiting.pop()
        if id(held) in seen:
            continue
        seen.add(id(held))
        if isinstance(held, list):
            waiting += held
        if not isinstance(held, dict):
            continue
        for key in ("teacher", "control_teacher"):
            if isinstance(held.get(key), dict):
                held[key] = _placed(held[key], file)
        if isinstance(named := held.get("teachers"), dict):
            held["teachers"] = {
                name: _placed(each, file) if isinstance(each, dict) else each for name, each in named.items()
            }
        training = held.get("training")
        if isinstance(training, dict) and isinstance(init := training.get("init"), dict):
            placed = {**init, "path": beside(file, init["path"])} if isinstance(init.get("path"), str) else init
            held["training"] = {**training, "init": placed}
        waiting += held.values()


def _placed(teacher: dict[str, Any], file: Path) -> dict[str, Any]:
    members = teacher.get("members")
    if isinstance(members, list):
        members = [placed_beside(file, each) if isinstance(each, dict) else each for each in members]
        return {**teacher, "members": members}
    return placed_beside(file, teacher)


def _beside(study: Path, plugin: Any) -> Any:
    """Resolve the path of a plugin file relative to the study file that names it."""
    if not isinstance(plugin, str) or not plugin.endswith(".py"):
        return plugin
    return str((study.parent / Path(plugin).expanduser()).resolve())


def _load_plugins(content: dict[str, Any]) -> None:
    """Load the plugins before their names are looked up; a value that is not a list of names fails in validation."""
    given = content.get("plugins")
    if not isinstance(given, list) or not all(isinstance(plugin, str) for plugin in given):
        return
    for index, plugin in enumerate(given):
        try:
            load_plugins((plugin,))
        except BadInputError as error:
            raise PlaceError(("plugins", index), str(error)) from error


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Merge two mappings key by key; any other value in `over` replaces the value in `base`."""
    merged = dict(base)
    for key, value in over.items():
        held = merged.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged


def _refuse_keys_that_are_no_names(content: Any) -> None:
    waiting: list[tuple[Place, Any]] = [((), content)]
    seen: set[int] = set()  # in YAML, a value can contain itself
    while waiting:
        place, held = waiting.pop()
        if id(held) in seen:
            continue
        seen.add(id(held))
        if isinstance(held, dict):
            for key in held:
                if not isinstance(key, str):
                    raise PlaceError((*place, _as_yaml(key)), f"a key must be a name, got {_as_yaml(key)}")
            waiting += [((*place, key), value) for key, value in held.items()]
        elif isinstance(held, list):
            waiting += [((*place, index), value) for index, value in enumerate(held)]


def _as_yaml(key: Any) -> str:
    return {"None": "null", "True": "true", "False": "false"}.get(str(key), str(key))


def _override_of(overrides: tuple[str, ...], place: Place, *, in_file: bool) -> str | None:
    """The last override that sets a place or its parent; also one that sets a child, if no file contains the place."""
    for setting in reversed(overrides):
        left = _steps_left(setting.partition("=")[0], place)
        if left == 0 or (left is not None and not in_file):
            return setting
    return None


def _steps_left(key: str, place: Place) -> int | None:
    """The number of steps of a key below a place: 0 if it ends at the place or above, None if it leads elsewhere."""
    steps = key.split(".")
    for step in place:
        if not steps:
            break
        if str(step) == steps[0]:
            steps.pop(0)
        elif not isinstance(step, int):  # the position of a single entry may be left out
            return None
    return len(steps)


def _where(sources: list[tuple[Path, str]], place: Place) -> tuple[Path, int | None, int, list[str]]:
    """The file that contains most of a place, the line, the depth of that line, and the keys as that file has them."""
    found = [(path, *_line_of(text, place)) for path, text in sources]
    return max(found, key=lambda entry: entry[2])


def _line_of(text: str, place: Place) -> tuple[int | None, int, list[str]]:
    """The line of a place or of its nearest parent in the text, the depth of that line, and the keys of the place."""
    node = yaml.compose(text)
    line, depth, keys = None, 0, []
    rest = list(place)
    while rest:
        step = rest.pop(0)
        if isinstance(node, yaml.MappingNode) and isinstance(step, int):
            depth += 1  # a single entry may be written without a list
            continue
        keys.append(str(step))
        inner = _inner(node, step)
        if inner is None:
            break
        key_node, node = inner
        line, depth = key_node.start_mark.line + 1, depth + 1
    keys += [str(step) for step in rest if isinstance(step, str)]
    return line, depth, keys


def _inner(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode):
        if isinstance(step, int):
            return (node.value[step], node.value[step]) if step < len(node.value) else None
        return next(((entry, entry) for entry in node.value if entry.value == step), None)
    return None
