"""The JSON Schema of study files, for editors."""

from typing import Any

from pydantic import TypeAdapter

from robustkd.data import CONDITIONS
from robustkd.declarations import declared
from robustkd.distillation.recipe import Recipe
from robustkd.evaluations import EVALUATIONS
from robustkd.studies.options import method_model
from robustkd.studies.study import Study


def study_schema() -> dict[str, Any]:
    """Describe study files: every key, and the options of every registered method, evaluation and condition.

    Returns:
        A JSON Schema, draft 2020-12.
    """
    schema = Study.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    recipe = _options(Recipe, definitions)
    recipe["properties"]["init"] = {"anyOf": [{"enum": ["random", "shared"]}, recipe["properties"]["init"]]}
    partial = {**recipe, "description": "The fields of the recipe that differ here, and their values."}
    own = {
        "training": partial,
        "assistants": definitions["TeacherSettings"]["properties"]["assistants"],
        "teacher": {"$ref": "#/$defs/TeacherSettings"},
    }
    described = {name: _options(method_model(method), definitions) for name, method in declared("method").items()}
    methods = {name: _with_keys(options, own) for name, options in described.items()}
    # an entry of another name says which method it is of
    renamed = [
        {**_with_keys(options, {**own, "method": {"const": name}}), "required": ["method"]}
        for name, options in described.items()
    ]
    evaluations = {name: _or_nothing(_options(EVALUATIONS[name].Options, definitions)) for name in EVALUATIONS.names()}
    conditions = {name: _or_nothing(_options(CONDITIONS[name], definitions)) for name in CONDITIONS.names()}
    schema["properties"]["extends"] = {"type": "string", "description": "Another study file that this one extends."}
    schema["properties"]["evaluations"] = _choices(evaluations)
    one = {"type": "object", "properties": conditions, "additionalProperties": False, "maxProperties": 1}
    condition = {"anyOf": [{"enum": list(conditions)}, one]}
    schema["properties"]["conditions"] = _one_or_list(condition)
    students = definitions["StudentSettings"]["properties"]
    students["methods"] = _choices({name: _or_nothing(entry) for name, entry in methods.items()}, {"anyOf": renamed})
    seed = {"type": "integer", "minimum": 0}
    students["architecture"] = _one_or_list({"type": "string"})
    students["seeds"] = _one_or_list(seed)
    students["training"] = partial
    definitions["TeacherSettings"]["properties"]["seeds"] = _one_or_list(seed)
    method = _choices({name: _or_nothing(options) for name, options in described.items()})
    named = {"anyOf": [{"enum": list(described)}, *method["anyOf"][:1]]}
    for trained in ("TeacherSettings", "AssistantSettings"):
        definitions[trained]["properties"] |= {"training": partial, "method": named}
    definitions["TeacherSettings"]["properties"]["condition"] = condition
    schema["properties"]["students"] = _one_or_list({"$ref": "#/$defs/StudentSettings"})
    for definition in definitions.values():  # pydantic describes some as open; a study with an unknown key is refused
        definition.setdefault("additionalProperties", False)
    # a file that extends another may omit keys that the other file has
    required = schema.pop("required")
    for partial_too in ("DataSettings", "TeacherSettings", "StudentSettings", "AssistantSettings"):
        definitions[partial_too].pop("required", None)
    listed = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    schema["properties"]["studies"] = {**listed, "description": "Of a collection, its only key: study files."}
    collection = {"required": ["studies"], "maxProperties": 1}
    schema["anyOf"] = [
        collection,
        *({"required": keys, "not": {"required": ["studies"]}} for keys in (["extends"], required)),
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "robustkd study", **schema}


def _options(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    described = TypeAdapter(kind).json_schema()
    definitions.update(described.pop("$defs", {}))
    return {**described, "additionalProperties": False}


def _or_nothing(options: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [options, {"type": "null"}]}


def _with_keys(options: dict[str, Any], keys: dict[str, Any]) -> dict[str, Any]:
    return {**options, "properties": {**options.get("properties", {}), **keys}}


def _choices(named: dict[str, Any], others: Any = False) -> dict[str, Any]:
    listed = {"type": "array", "items": {"enum": list(named)}, "minItems": 1}
    chosen = {"type": "object", "properties": named, "additionalProperties": others, "minProperties": 1}
    return {"anyOf": [chosen, listed]}


def _one_or_list(kind: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "array", "items": kind, "minItems": 1}]}
