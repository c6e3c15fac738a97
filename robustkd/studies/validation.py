"""The validation of a study, including the rules that its types do not express.

Each problem is reported with its place in the study file.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from robustkd.data.condition import Condition
from robustkd.declarations import check_dataset_name, declared
from robustkd.errors import BadInputError, DataError, nearest
from robustkd.studies.method_entry import method_entry
from robustkd.studies.options import (
    Place,
    PlaceError,
    check_options,
    first_problem,
    method_options,
    options_of,
    refuse_booleans_for_numbers,
)
from robustkd.studies.study import NAME, StudentSettings, Study, TeacherSettings, names_or_mapping
from robustkd.studies.teacher_rules import resolved_chain, resolved_teacher
from robustkd.studies.values import check_architecture_at, condition_at, recipe_at, refuse_repetition


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
    recipe_at(study.training, {}, ("training",))
    if study.teacher is not None:
        study = study.model_copy(update={"teacher": resolved_teacher(study, study.teacher, ("teacher",))})
    conditions = [condition_at(entry, ("conditions", index)) for index, entry in enumerate(study.conditions)]
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
    return [condition_at(entry, ()) for entry in study.conditions]


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


def _students(study: Study, students: StudentSettings, place: Place) -> StudentSettings:
    for architecture in students.architecture:
        check_architecture_at(architecture, (*place, "architecture"))
    for name in ("seeds", "architecture"):
        refuse_repetition(getattr(students, name), (*place, name))
    updates: dict[str, Any] = {}
    if students.teacher is not None:
        if students.teachers:
            raise PlaceError((*place, "teachers"), "give teacher or teachers, not both")
        updates["teacher"] = resolved_teacher(study, students.teacher, (*place, "teacher"))
    updates["teachers"] = {
        name: resolved_teacher(study, each, (*place, "teachers", name)) for name, each in students.teachers.items()
    }
    if students.control_teacher is not None:
        updates["control_teacher"] = _control(study, students, (*place, "control_teacher"))
    recipe_at(study.training, students.training, (*place, "training"))
    known = students.model_copy(update=updates)
    updates["methods"] = {
        name: _method(study, known, name, options, (*place, "methods", name))
        for name, options in students.methods.items()
    }
    for name, teacher in study.teachers_of(known).items():
        _check_independence(teacher, known, (*place, *(("teachers", name) if name else ())))
    return students.model_copy(update=updates)


def _method(
    study: Study, students: StudentSettings, name: str, given: Mapping[str, Any], place: Place
) -> dict[str, Any]:
    entry = method_entry(name, given)
    if not isinstance(entry.method, str):
        raise PlaceError((*place, "method"), f"must be the name of a method, got {entry.method!r}")
    if entry.method != name:
        if name in declared("method"):
            raise PlaceError(place, f"is the name of a method, and the entry is of the method {entry.method}")
        if not re.fullmatch(NAME, name):
            raise PlaceError(
                place, "a name must begin with a letter, a digit or '_' and contain only these, '.' and '-'"
            )
    changes = names_or_mapping(entry.training)
    if not isinstance(changes, dict):
        raise PlaceError((*place, "training"), f"must be a mapping with keys of the recipe, got {changes!r}")
    recipe_at(study.training, {**students.training, **changes}, (*place, "training"))
    own = method_options(entry.method, entry.options, place)
    own |= {"method": entry.method} if entry.method != name else {}
    own |= {"training": changes} if changes else {}
    for key, given in (("teacher", entry.teacher), ("assistants", entry.assistants)):
        if given is not None and not declared("method")[entry.method].needs_teacher:
            raise PlaceError((*place, key), f"{entry.method} learns from no teacher: leave this key out")
    teachers = [teacher for teacher in study.teachers_of(students).values() if teacher is not None]
    if entry.teacher is not None:
        teachers = [_own_teacher(study, students, entry.teacher, (*place, "teacher"))]
        own["teacher"] = teachers[0].model_dump(mode="json")
    if entry.assistants is not None:
        # the same chain after each teacher, none of which may be in it
        for teacher in teachers:
            chain = resolved_chain(study, teacher, entry.assistants, (*place, "assistants"))
            own["assistants"] = [each.model_dump(mode="json") for each in chain]
    return own


def _own_teacher(study: Study, students: StudentSettings, given: Any, place: Place) -> TeacherSettings:
    """The teacher of one entry."""
    try:
        teacher = TeacherSettings.model_validate(given)
    except ValidationError as error:
        raise first_problem(error, TeacherSettings, place) from error
    teacher = resolved_teacher(study, teacher, place)
    _check_independence(teacher, students, place)
    return teacher


def _check_independence(teacher: TeacherSettings | None, students: StudentSettings, place: Place) -> None:
    if teacher is None:
        entries = [method_entry(name, given) for name, given in students.methods.items()]
        needing = [entry.name for entry in entries if declared("method")[entry.method].needs_teacher]
        if needing:
            raise PlaceError((*place, "methods"), f"{needing[0]} needs a teacher: add the key teacher")
        return
    shared = sorted(
        seed
        for architecture, seed in teacher.trained
        if architecture in students.architecture and seed in students.seeds
    )
    if shared:
        named = place[-1:] in (("teacher",), ("control_teacher",)) or "teachers" in place
        own = (*place, *(() if named else ("teacher",)), "seeds")
        raise PlaceError(
            own if named or students.teacher is not None else ("teacher", "seeds"),
            f"with seed {shared[0]} the teacher is the same network as the baseline with that seed, so the baseline "
            "is not independent of the teacher: give the teacher a seed that no student has",
        )


def _control(study: Study, students: StudentSettings, place: Place) -> TeacherSettings:
    assert students.control_teacher is not None
    other = resolved_teacher(study, students.control_teacher, place)
    if students.teachers:
        raise PlaceError(place, "is for one teacher; with several teachers, each is the control of the others")
    (teacher,) = study.teachers_of(students).values()
    if teacher is None:
        raise PlaceError(place, "there is no teacher that it could be the control of: add the key teacher")
    if other.has_weights and other.path == teacher.path:
        raise PlaceError((*place, "path"), "is the teacher itself: give another network")
    shared = sorted(set(other.trained) & set(teacher.trained))
    if shared and other.untrained == teacher.untrained:
        raise PlaceError(
            (*place, "seeds"),
            f"with seed {shared[0][1]} it is the teacher itself: give it a seed that the teacher lacks",
        )
    _check_independence(other, students, place)
    return other


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
    entries = [method_entry(name, given) for each in study.students for name, given in each.methods.items()]
    needing = [entry.name for entry in entries if entry.method in methods and methods[entry.method].needs_teacher]
    for index, condition in enumerate(conditions):
        if condition.per_seed and needing:
            raise PlaceError(
                ("conditions", index),
                f"with draw: per_seed, the teacher of {needing[0]} would be trained on other labels or images than its "
                "students: list the condition once for each draw instead, for example with draw: 0 and draw: 1",
            )


def _check_dataset(name: str) -> None:
    try:
        check_dataset_name(name)
    except DataError as error:
        raise PlaceError(("data", "name"), str(error)) from error


def _evaluation(name: str, options: Mapping[str, Any], place: Place) -> Any:
    known = declared("evaluation")
    if name not in known:
        raise PlaceError((*place, name), f"unknown evaluation {name!r}: {nearest(name, known)}")
    check_options(known[name], options, (*place, name))
    from robustkd.evaluations import EVALUATIONS  # imported late: it imports pandas and scipy

    return options_of(EVALUATIONS[name].Options, name, options, place)
