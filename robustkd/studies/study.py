"""Study files: YAML that says what to train and what to ask of it, validated before anything runs."""

import dataclasses
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from robustkd.data import Augmentation
from robustkd.distillation import METHODS, Method, Recipe
from robustkd.errors import BadInputError, StudyError, nearest
from robustkd.evaluations import EVALUATIONS
from robustkd.models import check_architecture


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _names_or_mapping(value: Any) -> Any:
    """Allow ``[a, b]`` and ``{a: , b: }`` for ``{a: {}, b: {}}``."""
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    if isinstance(value, Mapping):
        return {name: {} if options is None else options for name, options in value.items()}
    return value


Choices = Annotated[dict[str, dict[str, Any]], BeforeValidator(_names_or_mapping), Field(min_length=1)]


class DataSettings(_Settings):
    """Which images; `augmentation` replaces the data set's own."""

    name: str
    augmentation: Augmentation | None = None


class TeacherSettings(_Settings):
    """The network to learn from, trained on the labels alone."""

    architecture: str
    seed: Annotated[int, Field(ge=0)] = 0


class StudentSettings(_Settings):
    """One network per method and seed."""

    architecture: str
    methods: Choices
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]


class Study(_Settings):
    """A study: what to train, and what to ask of it.

    Attributes:
        name: Names the run directory.
        data: The images.
        teacher: The teacher; may be left out where no method needs one.
        students: The students.
        training: The recipe of all networks.
        evaluations: Names, or names with their options.
    """

    name: Annotated[str, Field(pattern=r"^[\w][\w.-]*$")]
    data: DataSettings
    teacher: TeacherSettings | None = None
    students: StudentSettings
    training: Recipe = Recipe()
    evaluations: Choices = Field(default_factory=lambda: _names_or_mapping(EVALUATIONS.names()))


def load_study(path: Path, overrides: tuple[str, ...] = ()) -> Study:
    """Read and validate a study file.

    Args:
        path: The YAML file.
        overrides: ``a.b=value`` each, applied before validation; the value is read as YAML.

    Returns:
        The study.

    Raises:
        StudyError: One line: file, line, key, what is wrong, and the nearest valid name.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StudyError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{path}: cannot be read as text ({error})") from error
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StudyError(f"{path}{_yaml_place(error)}: not valid YAML ({_yaml_problem(error)})") from error
    if not isinstance(content, dict):
        raise StudyError(f"{path}: must be a mapping with the keys {', '.join(Study.model_fields)}")
    for setting in overrides:
        override(content, setting)
    try:
        return _validated(content)
    except _PlaceError as problem:
        line = _line_of(text, problem.place)
        place = ".".join(map(str, problem.place))
        raise StudyError(f"{path}{f':{line}' if line else ''}: {place}: {problem}") from problem


def study_yaml(study: Study) -> str:
    """Write a study as it was resolved, with every default."""
    return yaml.safe_dump(study.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def override(content: dict[str, Any], text: str) -> None:
    """Apply ``a.b=value`` to settings, in place; the value is read as YAML.

    Args:
        content: The settings, nested mappings.
        text: What to set.

    Raises:
        StudyError: It is not of that form.
    """
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise StudyError(f"--set {text}: must be key=value, as in training.epochs=5")
    *parents, last = key.split(".")
    place: Any = content
    for parent in parents:
        inner = _names_or_mapping(place.get(parent))
        place[parent] = inner = {} if inner is None else inner
        if not isinstance(inner, dict):
            raise StudyError(f"--set {text}: {parent} holds no keys")
        place = inner
    try:
        place[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise StudyError(f"--set {text}: the value is not valid YAML") from error


def evaluation_options(choices: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Build the options of evaluations.

    Args:
        choices: For each evaluation the options that differ from its defaults.

    Returns:
        For each an instance of its `Options`.

    Raises:
        BadInputError: An evaluation or an option is not known, or a value is not valid.
    """
    try:
        return {name: _evaluation_options(name, options, ("evaluations",)) for name, options in choices.items()}
    except _PlaceError as problem:
        raise BadInputError(f"{'.'.join(map(str, problem.place))}: {problem}") from problem


class _PlaceError(Exception):
    def __init__(self, place: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.place = place


def _validated(content: dict[str, Any]) -> Study:
    try:
        study = Study.model_validate(content)
    except ValidationError as error:
        raise _problem(error, Study, ()) from error
    methods, evaluations = {}, {}
    for name, options in study.students.methods.items():
        methods[name] = _method_options(name, options, ("students", "methods"))
    for name, options in study.evaluations.items():
        evaluations[name] = dataclasses.asdict(_evaluation_options(name, options, ("evaluations",)))
    _check_networks(study)
    students = study.students.model_copy(update={"methods": methods})
    return study.model_copy(update={"students": students, "evaluations": evaluations})


def _check_networks(study: Study) -> None:
    for part in ("teacher", "students"):
        settings = getattr(study, part)
        if settings is not None:
            try:
                check_architecture(settings.architecture)
            except BadInputError as error:
                raise _PlaceError((part, "architecture"), str(error)) from error
    seeds, methods = study.students.seeds, study.students.methods
    if len(set(seeds)) < len(seeds):
        raise _PlaceError(("students", "seeds"), f"each seed may occur once, got {seeds}")
    needing = [name for name in methods if METHODS[name].needs_teacher]
    if study.teacher is None:
        if needing:
            raise _PlaceError(("students", "methods"), f"{needing[0]} needs a teacher: add the key teacher")
        return
    if study.teacher.architecture == study.students.architecture and study.teacher.seed in seeds:
        raise _PlaceError(
            ("teacher", "seed"),
            f"seed {study.teacher.seed} makes the teacher the same network as the baseline of that seed, which would "
            "then not be independent: give the teacher a seed that no student has",
        )


def _method_options(name: str, options: Mapping[str, Any], place: tuple[str, ...]) -> dict[str, Any]:
    if name not in METHODS.names():
        raise _PlaceError((*place, name), f"unknown method {name!r}: {nearest(name, METHODS.names())}")
    model = _options_model(METHODS[name])
    try:
        return model.model_validate(options).model_dump(mode="json")
    except ValidationError as error:
        raise _problem(error, model, (*place, name)) from error


def _options_model(method: type[Method]) -> type[BaseModel]:
    """A model of the keyword arguments of a method's constructor."""
    hints = get_type_hints(method.__init__, include_extras=True)
    fields: dict[str, Any] = {
        parameter.name: (hints[parameter.name], parameter.default)
        for parameter in inspect.signature(method).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    return create_model(f"{method.__name__}Options", __base__=_Settings, **fields)


def _evaluation_options(name: str, options: Mapping[str, Any], place: tuple[str, ...]) -> Any:
    if name not in EVALUATIONS.names():
        raise _PlaceError((*place, name), f"unknown evaluation {name!r}: {nearest(name, EVALUATIONS.names())}")
    # a field of a model: a plain dataclass validated by itself would ignore unknown keys
    field: dict[str, Any] = {name: (EVALUATIONS[name].Options, ...)}
    model = create_model(f"{name}Options", __base__=_Settings, **field)
    try:
        return getattr(model.model_validate({name: dict(options)}), name)
    except ValidationError as error:
        raise _problem(error, model, place) from error


def _problem(error: ValidationError, model: Any, place: tuple[str | int, ...]) -> _PlaceError:
    first = error.errors()[0]
    where = tuple(first["loc"])
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument", "unexpected_argument"):
        message = f"unknown key {where[-1]!r}: {nearest(str(where[-1]), _keys_at(model, where[:-1]))}"
    elif first["type"] == "missing":
        message = "this key is required"
    elif first["type"] == "too_short":
        message = "must not be empty"
    else:
        got = first["input"]
        message = first["msg"].replace("Input should", "must").removeprefix("Value error, ")
        message += f", got {got!r}" if not isinstance(got, Mapping) else ""
    more = len(error.errors()) - 1
    return _PlaceError((*place, *where), message + (f" (and {more} more)" if more else ""))


def _keys_at(model: Any, where: tuple[str | int, ...]) -> list[str]:
    """The keys that are valid at a place inside a model."""
    if dataclasses.is_dataclass(model):
        hints: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(model)}
    else:
        hints = {name: field.annotation for name, field in model.model_fields.items()}
    if not where:
        return list(hints)
    inner = hints[str(where[0])]
    candidates = [kind for kind in (inner, *get_args(inner)) if isinstance(kind, type) and kind is not type(None)]
    return _keys_at(candidates[0], where[1:])


def _line_of(text: str, place: tuple[str | int, ...]) -> int | None:
    """The line of a key, or of the nearest key above it."""
    node = yaml.compose(text)
    line = None
    for step in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode):
            entries = [entry for entry in node.value if entry.value == step]
            if isinstance(step, int) and step < len(node.value):
                node = node.value[step]
            elif entries:
                node = entries[0]
            else:
                break
            line = node.start_mark.line + 1
    return line


def _yaml_place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f":{mark.line + 1}" if mark is not None else ""


def _yaml_problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
