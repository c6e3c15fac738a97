"""The validation of a study, including the rules that its types do not express.

Each problem is reported with its place in the study file.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from robustkd.data.condition import CONDITIONS, Condition
from robustkd.declarations import check_architecture_name, check_dataset_name, declared
from robustkd.distillation.recipe import Recipe
from robustkd.errors import BadInputError, DataError, nearest
from robustkd.studies.options import (
    Place,
    PlaceError,
    check_options,
    first_problem,
    method_options,
    options_of,
    refuse_booleans_for_numbers,
)
from robustkd.studies.study import TRAINED_KEYS, Choice, StudentSettings, Study, TeacherSettings, names_or_mapping


def validated(content: Mapping[str, Any]) -> Study:
    """Validate the content of a study file.

    Args:
        content: The keys and values of the file.

    Returns:
        The study, with every option of every method, evaluation and condition filled in.

    Raises:
        PlaceError: A key or a value in `content` is not valid.
    """
    try:
        study = Study.model_validate(content)
    except ValidationError as error:
        raise first_problem(error, Study, ()) from error
    refuse_booleans_for_numbers(content, study, ())
    _check_dataset(study.data.name)
    if study.teacher is not None:
        _check_teacher(study, study.teacher, ("teacher",))
    conditions = [_condition(entry, ("conditions", index)) for index, entry in enumerate(study.conditions)]
    labels = [condition.label for condition in conditions]
    for index, label in enumerate(labels):
        if label in labels[:index]:
            raise PlaceError(("conditions", index), f"{label!r} is listed twice")
    _check_draws(study, conditions)
    _check_families(study)
    students = [_students(study, each, ("students", index)) for index, each in enumerate(study.students)]
    evaluations = {name: _evaluation(name, options, ("evaluations",)) for name, options in study.evaluations.items()}
    return study.model_copy(
        update={
            "conditions": [{type(each).name: each.options()} for each in conditions],
            "students": students,
            "evaluations": {name: dataclasses.asdict(options) for name, options in evaluations.items()},
        }
    )


def conditions_of(study: Study) -> list[Condition]:
    """Return the conditions of a study as objects that can be applied to a training set."""
    return [_condition(entry, ()) for entry in study.conditions]


def evaluation_options(choices: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Build the options of evaluations.

    Args:
        choices: For each evaluation, the options that differ from its defaults.

    Returns:
        For each evaluation, an instance of its `Options`.

    Raises:
        BadInputError: An evaluation or an option is unknown, or a value is not valid.
    """
    try:
        return {name: _evaluation(name, options, ("evaluations",)) for name, options in choices.items()}
    except PlaceError as problem:
        raise BadInputError(f"{'.'.join(map(str, problem.place))}: {problem}") from problem


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
        return _condition(TypeAdapter(Choice).validate_python(entry), ())
    except ValidationError as error:
        raise BadInputError(f"condition {entry!r}: must be a name, or a name with its options") from error
    except PlaceError as problem:
        raise BadInputError(f"condition {'.'.join(map(str, problem.place))}: {problem}") from problem


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
    return _recipe_with(recipe, changes, ("training",))


def _recipe_with(recipe: Recipe, changes: Mapping[str, Any], place: Place) -> Recipe:
    *parents, key = place
    made: Recipe = options_of(Recipe, str(key), {**dataclasses.asdict(recipe), **changes}, tuple(parents))
    for name, value in dataclasses.asdict(made).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise PlaceError((*place, name), f"must be a finite number, got {value}")
    return made


def _students(study: Study, students: StudentSettings, place: Place) -> StudentSettings:
    for architecture in students.architecture:
        _check_architecture(architecture, (*place, "architecture"))
    for name in ("seeds", "architecture"):
        _refuse_repetition(getattr(students, name), (*place, name))
    if students.teacher is not None:
        _check_teacher(study, students.teacher, (*place, "teacher"))
    if students.control_teacher is not None:
        _check_control(study, students, (*place, "control_teacher"))
    _recipe_with(study.training, students.training, (*place, "training"))
    methods = {}
    for name, options in students.methods.items():
        own, at = dict(options), (*place, "methods", name)
        changes = names_or_mapping(own.pop("training", {}))
        if not isinstance(changes, dict):
            raise PlaceError((*at, "training"), f"must be a mapping with keys of the recipe, got {changes!r}")
        _recipe_with(study.training, {**students.training, **changes}, (*at, "training"))
        methods[name] = method_options(name, own, at) | ({"training": changes} if changes else {})
    _check_independence(study.teacher_of(students), students, place)
    return students.model_copy(update={"methods": methods})


def _check_independence(
    teacher: TeacherSettings | None, students: StudentSettings, place: Place, called: str = "teacher"
) -> None:
    if teacher is None:
        needing = [name for name in students.methods if declared("method")[name].needs_teacher]
        if needing:
            raise PlaceError((*place, "methods"), f"{needing[0]} needs a teacher: add the key teacher")
        return
    shared = sorted(set(teacher.seeds) & set(students.seeds)) if not teacher.has_weights else []
    if teacher.architecture in students.architecture and shared:
        raise PlaceError(
            (*place, "teacher", "seeds") if students.teacher is not None else ("teacher", "seeds"),
            f"with seed {shared[0]} the teacher is the same network as the baseline with that seed, so the baseline "
            "is not independent of the teacher: give the teacher a seed that no student has",
        )


def _check_control(study: Study, students: StudentSettings, place: Place) -> None:
    other, teacher = students.control_teacher, study.teacher_of(students)
    assert other is not None
    _check_teacher(study, other, place)
    if teacher is None:
        raise PlaceError(place, "there is no teacher that it could be the control of: add the key teacher")
    if other.has_weights or teacher.has_weights:
        if other.has_weights and other.path == teacher.path:
            raise PlaceError((*place, "path"), "is the teacher itself: give another network")
        return
    shared = sorted(set(other.seeds) & set(teacher.seeds))
    if other.architecture == teacher.architecture and shared:
        raise PlaceError(
            (*place, "seeds"), f"with seed {shared[0]} it is the teacher itself: give it a seed that the teacher lacks"
        )
    _check_independence(other, students, place, "control_teacher")


def _check_families(study: Study) -> None:
    held: set[str] = set()
    for index, students in enumerate(study.students):
        twice = sorted(held & set(students.architecture))
        if twice:
            raise PlaceError(
                ("students", index, "architecture"),
                f"{twice[0]} is in two families of students, so their results would have the same names: move one "
                "family to another study; with --store both studies share their networks",
            )
        held |= set(students.architecture)


def _check_draws(study: Study, conditions: Sequence[Condition]) -> None:
    methods = declared("method")
    needing = [name for each in study.students for name in each.methods if name in methods]
    needing = [name for name in needing if methods[name].needs_teacher]
    for index, condition in enumerate(conditions):
        if condition.per_seed and needing:
            raise PlaceError(
                ("conditions", index),
                f"with draw: per_seed, the teacher of {needing[0]} would be trained on other labels or images than its "
                "students: list the condition once for each draw instead, for example with draw: 0 and draw: 1",
            )


def _check_teacher(study: Study, teacher: TeacherSettings, place: Place) -> None:
    if teacher.has_weights:
        if told := next((key for key in TRAINED_KEYS if key in teacher.model_fields_set), None):
            raise PlaceError((*place, told), "the teacher is given and not trained: leave this key out")
        return
    if teacher.architecture is None:
        raise PlaceError(place, "the key architecture is missing, or the path of a trained teacher")
    for key in sorted(teacher.model_fields_set - {"architecture", *TRAINED_KEYS}):
        raise PlaceError((*place, key), "this is for a teacher that is given: add its path, or leave this key out")
    _check_architecture(teacher.architecture, (*place, "architecture"))
    _refuse_repetition(teacher.seeds, (*place, "seeds"))
    _recipe_with(study.training, teacher.training, (*place, "training"))


def _refuse_repetition(given: Sequence[Any], place: Place) -> None:
    if len(set(given)) < len(given):
        raise PlaceError(place, f"must not contain the same value twice, got {given}")


def _check_dataset(name: str) -> None:
    try:
        check_dataset_name(name)
    except DataError as error:
        raise PlaceError(("data", "name"), str(error)) from error


def _check_architecture(architecture: str, place: Place) -> None:
    try:
        check_architecture_name(architecture)
    except BadInputError as error:
        raise PlaceError(place, str(error)) from error


def _condition(entry: Mapping[str, Mapping[str, Any]], place: Place) -> Condition:
    ((name, options),) = entry.items()
    if name not in CONDITIONS.names():
        raise PlaceError((*place, name), f"unknown condition {name!r}: {nearest(name, CONDITIONS.names())}")
    condition: Condition = options_of(CONDITIONS[name], name, options, place)
    return condition


def _evaluation(name: str, options: Mapping[str, Any], place: Place) -> Any:
    known = declared("evaluation")
    if name not in known:
        raise PlaceError((*place, name), f"unknown evaluation {name!r}: {nearest(name, known)}")
    check_options(known[name], options, (*place, name))
    from robustkd.evaluations import EVALUATIONS  # imported late: it imports pandas and scipy

    return options_of(EVALUATIONS[name].Options, name, options, place)
