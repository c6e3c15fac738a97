"""Requirements in a YAML file."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from robustkd.errors import BadInputError, nearest
from robustkd.reporting.gate.requirement import (
    Operator,
    Requirement,
    parsed_limit,
    parsed_measure,
    parsed_requirement,
)

LIMITS: dict[str, Operator] = {"at_most": "<=", "at_least": ">=", "below": "<", "above": ">", "equals": "=="}
"""The keys for a limit, and the operators that they stand for."""

Limit = float | str | None


class _Entry(BaseModel):
    """A requirement as a mapping, for names that hold ``:`` or ``@``."""

    model_config = ConfigDict(extra="forbid", strict=True)
    metric: str
    student: str = ""
    condition: str = ""
    at_most: Limit = None
    at_least: Limit = None
    below: Limit = None
    above: Limit = None
    equals: Limit = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    requirements: list[str | _Entry]


def load_requirements(path: Path) -> list[Requirement]:
    """Read a file of requirements.

    Its only key is ``requirements``: a list of requirements as they are written on the command line, or of mappings
    with the keys ``metric``, one or more of `LIMITS`, and if need be ``student`` and ``condition``.

    Args:
        path: The file.

    Raises:
        BadInputError: The file cannot be read, or an entry is not valid; the message names its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise BadInputError(f"{path}{line}: not valid YAML ({problem})") from error
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror or error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("requirements"), list):
        raise BadInputError(f"{path}: must be a mapping with the key requirements, a list")
    if not content["requirements"]:
        raise BadInputError(f"{path}: requirements: the list is empty")
    lines = _lines(node)
    try:
        _File.model_validate(content)
    except ValidationError as error:
        raise BadInputError(_problem(path, error, content, lines)) from error
    return [
        requirement
        for index, entry in enumerate(content["requirements"])
        for requirement in _requirements(entry, f"{path}:{lines[index]}")
    ]


def _requirements(entry: str | dict[str, Any], place: str) -> Iterator[Requirement]:
    if isinstance(entry, str):
        yield parsed_requirement(entry, place)
        return
    _, name, bound, _ = parsed_measure(entry["metric"], place)
    if "@" in entry["metric"] or ":" in entry["metric"]:
        raise BadInputError(f"{place}: metric: give student and condition as keys of their own")
    given = [key for key in LIMITS if entry.get(key) is not None]
    if not given:
        raise BadInputError(f"{place}: has no limit; give one of {', '.join(LIMITS)}")
    for key in given:
        value = entry[key]
        limit, percent = parsed_limit(value, f"{place}: {key}") if isinstance(value, str) else (float(value), False)
        if not math.isfinite(limit):
            raise BadInputError(f"{place}: {key}: must be a finite number, got {value}")
        student, condition = entry.get("student", ""), entry.get("condition", "")
        yield Requirement(name, LIMITS[key], limit, bound, student, condition, percent, place)


def _lines(node: yaml.Node | None) -> list[int]:
    """The line of each requirement, from 1."""
    assert isinstance(node, yaml.MappingNode)
    listed = next(value for key, value in node.value if key.value == "requirements")
    return [entry.start_mark.line + 1 for entry in listed.value]


def _problem(path: Path, error: ValidationError, content: dict[str, Any], lines: list[int]) -> str:
    """The first problem in one line: file, line, key, what is wrong."""
    found = error.errors()
    extra = next((each for each in found if each["type"] == "extra_forbidden"), None)
    if extra is not None:
        *within, key = extra["loc"]
        known = _Entry.model_fields if len(within) > 1 else _File.model_fields
        line = f":{lines[within[1]]}" if len(within) > 1 and isinstance(within[1], int) else ""
        return f"{path}{line}: unknown key {str(key)!r}: {nearest(str(key), known)}"
    index = int(found[0]["loc"][1])
    entry = content["requirements"][index]
    if not isinstance(entry, dict):
        return f"{path}:{lines[index]}: must be a requirement such as 'accuracy_drop <= 1%', or a mapping"
    of_mapping = next(each for each in found if each["loc"][1] == index and each["loc"][2] == "_Entry")
    key = str(of_mapping["loc"][3])
    what = "is missing" if of_mapping["type"] == "missing" else f"is not valid, got {entry.get(key)!r}"
    return f"{path}:{lines[index]}: {key} {what}"
