"""Single values of a study file: recipes, conditions, architectures; a problem is reported with its place."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from robustkd.data.condition import CONDITIONS, Condition
from robustkd.data.distillation_data import FOLDER, NOISE
from robustkd.declarations import check_architecture_name, check_dataset_name
from robustkd.distillation.recipe import Recipe
from robustkd.errors import BadInputError, DataError, nearest
from robustkd.studies.options import Place, PlaceError, options_of
from robustkd.studies.study import Choice


def recipe_with(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return a recipe with some of its fields replaced.

    Args:
        recipe: The recipe.
        changes: The fields to replace and their new values, as in a study file.

    Returns:
        The changed recipe.

    Raises:
        PlaceError: A field is unknown, or a value is not valid.
    """
    return _recipe(recipe, changes, ("training",))


def recipe_at(recipe: Recipe, changes: Mapping[str, Any], place: Place) -> Recipe:
    """Return a recipe with some of its fields replaced, which are at a place in a study file.

    Raises:
        PlaceError: A field is unknown, or a value is not valid, such as the name of an unknown data set.
    """
    made = _recipe(recipe, changes, place)
    extra = made.distillation_data.extra
    if extra is not None and extra.data != NOISE and not extra.data.startswith(FOLDER):
        try:
            check_dataset_name(extra.data)
        except DataError as error:
            at = (*place, "distillation_data", "extra", "data")
            raise PlaceError(at, f"{error} (or {NOISE}, or {FOLDER}PATH)") from error
    return made


def _recipe(recipe: Recipe, changes: Mapping[str, Any], place: Place) -> Recipe:
    *parents, key = place
    made: Recipe = options_of(Recipe, str(key), {**dataclasses.asdict(recipe), **changes}, tuple(parents))
    for name, value in dataclasses.asdict(made).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise PlaceError((*place, name), f"must be a finite number, got {value}")
    return made


def condition_named(entry: Any) -> Condition:
    """Build one condition, given as in a study file.

    Args:
        entry: The name of the condition, or a mapping of the name to its options.

    Returns:
        The condition.

    Raises:
        BadInputError: The condition is unknown, or an option is not valid.
    """
    try:
        return condition_at(TypeAdapter(Choice).validate_python(entry), ())
    except ValidationError as error:
        raise BadInputError(f"condition {entry!r}: must be a name, or a name with its options") from error
    except PlaceError as problem:
        raise BadInputError(f"condition {'.'.join(map(str, problem.place))}: {problem}") from problem


def condition_at(entry: Mapping[str, Mapping[str, Any]], place: Place) -> Condition:
    """Build the condition that a place in a study file describes.

    Raises:
        PlaceError: The condition is unknown, or an option is not valid.
    """
    ((name, options),) = entry.items()
    if name not in CONDITIONS.names():
        raise PlaceError((*place, name), f"unknown condition {name!r}: {nearest(name, CONDITIONS.names())}")
    condition: Condition = options_of(CONDITIONS[name], name, options, place)
    return condition


def check_architecture_at(architecture: str, place: Place) -> None:
    """Refuse an architecture that nothing can build."""
    try:
        check_architecture_name(architecture)
    except BadInputError as error:
        raise PlaceError(place, str(error)) from error


def refuse_repetition(given: Sequence[Any], place: Place) -> None:
    """Refuse a list that contains a value twice."""
    if len(set(given)) < len(given):
        raise PlaceError(place, f"must not contain the same value twice, got {given}")
