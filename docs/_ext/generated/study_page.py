"""The page that describes every key of a study file, from the JSON Schema that ``robustkd schema`` prints."""

import inspect
from collections.abc import Mapping
from typing import Any

from generated.markdown import body, code, meanings, one_line, table, value
from robustkd.studies.network_entry import NetworkEntry
from robustkd.studies.schema import study_schema

PATH = "using/study-keys.md"

SECTIONS = {
    "DataSettings": "data",
    "Augmentation": "data.augmentation",
    "TeacherSettings": "teacher",
    "EnsembleMember": "teacher.members",
    "AssistantSettings": "teacher.assistants",
    "StudentSettings": "students",
    "Recipe": "training",
    "Initialisation": "training.init",
    "DistillationData": "training.distillation_data",
    "ExtraImages": "training.distillation_data.extra",
}
"""The parts of a study file, by the name of their definition in the schema."""

ELSEWHERE = {
    "methods": "names of [methods](../guide/methods/index.md), or names with options",
    "evaluations": "names of [evaluations](../guide/evaluations/index.md), or names with options",
    "conditions": "[conditions](conditions.md), one or several",
    "condition": "a [condition](conditions.md)",
    "method": "a [method](../guide/methods/index.md), or one with options",
    "training": "keys of [training](#training)",
}
"""The types of keys whose values have pages of their own."""


def pages() -> dict[str, str]:
    """Return the page by its path within ``docs``."""
    schema = study_schema()
    definitions = schema["$defs"]
    others = sorted(set(definitions) - set(SECTIONS))
    titles = SECTIONS | {name: name for name in others}
    parts = [
        "# Every key of a study file",
        "This page is generated from the JSON Schema of study files. `robustkd schema > study.schema.json` writes the "
        "schema; an editor then completes and checks a study file that begins with the line "
        "`# yaml-language-server: $schema=study.schema.json`. [Study files](studies.md) explains by examples.",
        "## The top level",
        _keys(schema["properties"], schema["description"], titles),
        *(_section(titles[name], definitions[name], titles) for name in [*SECTIONS, *others]),
    ]
    return {PATH: "\n\n".join(parts) + "\n"}


def _section(title: str, definition: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    described = definition.get("description", "")
    return f"## {title}\n\n{body(described)}\n\n{_keys(definition.get('properties', {}), described, titles)}"


def _keys(properties: Mapping[str, Any], described: str, titles: Mapping[str, str]) -> str:
    said = meanings(inspect.getdoc(NetworkEntry) or "") | meanings(described)
    rows = [
        (code(name), _kind(name, each, titles), _default(each), said.get(name) or one_line(each.get("description", "")))
        for name, each in properties.items()
    ]
    return table(("key", "value", "default", "meaning"), rows)


def _default(described: Mapping[str, Any]) -> str:
    default = described.get("default")
    return "" if default is None or default in ({}, []) or isinstance(default, Mapping) else code(value(default))


def _kind(name: str, described: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    if name in ELSEWHERE and "$ref" not in described:
        return ELSEWHERE[name]
    return in_words(described, titles)


def in_words(described: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    """Describe a JSON Schema in a few words.

    Args:
        described: The schema of a value.
        titles: The titles of the sections on definitions, by their names.
    """
    if "$ref" in described:
        title = titles[described["$ref"].rpartition("/")[2]]
        return f"keys of [{title}](#{title.lower().replace('.', '')})"
    if "anyOf" in described:
        return " or ".join(dict.fromkeys(in_words(each, titles) for each in described["anyOf"]))
    if "enum" in described:
        return " or ".join(code(str(each)) for each in described["enum"])
    if described.get("type") == "array":
        kind, comma, rest = in_words(described.get("items", {}), titles).partition(", ")
        return f"list of {kind}{'s' if kind.endswith('number') else ''}{comma}{rest}"
    kinds = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}
    kind = kinds.get(described.get("type", ""), {"null": "nothing"}.get(described.get("type", ""), "mapping"))
    return ", ".join([kind, *_limits(described)])


def _limits(described: Mapping[str, Any]) -> list[str]:
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return [f"{word} {described[key]:g}" for key, word in words.items() if isinstance(described.get(key), int | float)]
