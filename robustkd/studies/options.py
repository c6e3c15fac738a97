"""The validation of the options of methods, evaluations and conditions against the code that takes them.

Each problem is reported with its place in the study file.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from robustkd.declarations import Declaration, declared
from robustkd.errors import BadInputError, nearest

Place = tuple[str | int, ...]


class PlaceError(Exception):
    """A key or a value in nested settings is not valid.

    Args:
        place: The keys and list positions that lead to it from the top.
        message: What is wrong.
    """

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _MethodOptions(_Options):
    model_config = ConfigDict(allow_inf_nan=False)  # conditions and attacks accept infinity


def method_options(name: str, options: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Fill in and check the options of a method.

    Args:
        name: The name of the method.
        options: The options that differ from the defaults.
        place: The place of the options in the study file.

    Returns:
        All options of the method, as JSON values.

    Raises:
        PlaceError: The method or an option is unknown, or a value is not valid.
    """
    known = declared("method")
    if name not in known:
        raise PlaceError(place, f"unknown method {name!r}: {nearest(name, known)}")
    model = method_model(known[name])
    try:
        taken = model.model_validate(options)
    except ValidationError as error:
        raise first_problem(error, model, place) from error
    refuse_booleans_for_numbers(options, taken, place)
    return taken.model_dump(mode="json")


def method_model(method: Declaration) -> type[BaseModel]:
    """Return a pydantic model that validates the options of a method."""
    return _model_of(method, _MethodOptions)


def check_options(declaration: Declaration, options: Mapping[str, Any], place: Place) -> None:
    """Check options against their declaration, without importing the code that takes them.

    Args:
        declaration: The declaration of the method, evaluation or condition.
        options: The options that differ from the defaults.
        place: The place of the options in the study file.

    Raises:
        PlaceError: An option is unknown, or a value is not valid.
    """
    model = _model_of(declaration, _Options)
    try:
        model.model_validate(options)
    except ValidationError as error:
        raise first_problem(error, model, place) from error


def _model_of(declaration: Declaration, base: type[BaseModel]) -> type[BaseModel]:
    fields: dict[str, Any] = {
        option.name: (option.annotation, option.default if option.has_default else ...)
        for option in declaration.options
    }
    return create_model(f"{declaration.name.title().replace('_', '')}Options", __base__=base, **fields)


def options_of(kind: Any, name: str, options: Mapping[str, Any], place: Place) -> Any:
    """Build a frozen dataclass from its options.

    Args:
        kind: The dataclass.
        name: The key that holds the options in the study file.
        options: The options that differ from the defaults.
        place: The place in the study file that contains this key.

    Returns:
        An instance of the dataclass.

    Raises:
        PlaceError: An option is unknown, or a value is not valid.
    """
    model = _model_around(kind, name)
    try:
        taken = getattr(model.model_validate({name: dict(options)}), name)
    except ValidationError as error:
        raise first_problem(error, model, place) from error
    except BadInputError as error:  # the dataclass itself refuses options that do not fit together
        raise PlaceError((*place, name), str(error)) from error
    refuse_booleans_for_numbers(options, taken, (*place, name))
    return taken


def refuse_booleans_for_numbers(given: Any, taken: Any, place: Place) -> None:
    """Refuse true and false where a number is required; validation would accept them as 1 and 0.

    Args:
        given: The settings before validation.
        taken: The settings after validation, as mappings or as objects with attributes.
        place: The place of the settings in the study file.

    Raises:
        PlaceError: A boolean was given where a number is required.
    """
    if isinstance(given, bool) and isinstance(taken, int | float) and not isinstance(taken, bool):
        raise PlaceError(place, f"must be a number, got {str(given).lower()}")
    if isinstance(given, Mapping):
        for key, value in given.items():
            inner = taken.get(key) if isinstance(taken, Mapping) else getattr(taken, str(key), None)
            refuse_booleans_for_numbers(value, inner, (*place, key))
    elif isinstance(given, list | tuple) and isinstance(taken, list | tuple):
        for index, (value, inner) in enumerate(zip(given, taken, strict=False)):
            refuse_booleans_for_numbers(value, inner, (*place, index))


@cache
def _model_around(kind: Any, name: str) -> type[BaseModel]:
    # a model with one field, because a plain dataclass that is validated by itself ignores unknown keys
    field: dict[str, Any] = {name: (kind, ...)}
    return create_model(f"{name}Options", __base__=_Options, **field)


def first_problem(error: ValidationError, model: Any, place: Place) -> PlaceError:
    """Describe the first problem of a validation error in one sentence.

    Args:
        error: The error that validation raised.
        model: The model or the dataclass that validation used.
        place: The place of the settings in the study file.

    Returns:
        An error with the place and the description of the first problem.
    """
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
        message = _WORDS.get(first["type"]) or first["msg"].replace("Input should", "must").removeprefix(
            "Value error, "
        )
        message += f", got {got!r}" if not isinstance(got, Mapping) and not message.endswith(f"got {got!r}") else ""
    more = len(error.errors()) - 1
    return PlaceError((*place, *where), message + (f" (and {more} more)" if more else ""))


_WORDS = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "dataclass_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "model_type": "must be a mapping",
    "string_pattern_mismatch": "must begin with a letter, a digit or '_' and contain only these, '.' and '-'",
    "string_too_long": "is too long",
    "string_type": "must be text",
    "tuple_type": "must be a list",
}
"""The message for each of pydantic's error types."""


def _keys_at(model: Any, where: Place) -> list[str]:
    """The valid keys at a place in a model, or in a type that contains models."""
    if where and isinstance(where[0], int):
        return _keys_at(model, where[1:])
    if not _is_settings(model):
        named = get_origin(model) is dict
        found = (_keys_at(inner, where[1:] if named else where) for inner in get_args(model))
        return next((keys for keys in found if keys), [])
    if dataclasses.is_dataclass(model):
        hints: dict[str, Any] = {field.name: field.type for field in dataclasses.fields(model)}
    else:
        hints = {name: field.annotation for name, field in model.model_fields.items()}
    if not where:
        return list(hints)
    return _keys_at(hints[str(where[0])], where[1:]) if str(where[0]) in hints else []


def _is_settings(kind: Any) -> bool:
    return isinstance(kind, type) and (dataclasses.is_dataclass(kind) or issubclass(kind, BaseModel))
