"""The validation of teachers: trained ones, given ones, ensembles, and chains of assistants."""

from typing import Any

from pydantic import TypeAdapter, ValidationError

from robustkd.declarations import declared
from robustkd.studies.network_entry import NetworkEntry
from robustkd.studies.options import Place, PlaceError, first_problem, method_options
from robustkd.studies.study import (
    TRAINED_KEYS,
    UNTRAINED_LACKS,
    AssistantSettings,
    Chain,
    Choice,
    EnsembleMember,
    Study,
    TeacherSettings,
)
from robustkd.studies.values import check_architecture_at, condition_at, recipe_at, refuse_repetition


def resolved_teacher(study: Study, teacher: TeacherSettings, place: Place) -> TeacherSettings:
    """Validate a teacher.

    Args:
        study: The study.
        teacher: The teacher.
        place: Its place in the study file.

    Returns:
        The teacher, with every option of its method and of its assistants filled in.

    Raises:
        PlaceError: A key does not fit the others, or a value is not valid.
    """
    given = teacher.model_fields_set
    if "combine" in given and teacher.size == 1:
        raise PlaceError((*place, "combine"), "is for an ensemble: add the key members")
    resolved: dict[str, Any] = {}
    if teacher.untrained:
        _check_untrained(teacher, place)
    if isinstance(teacher.members, list):
        _check_members(study, teacher, teacher.members, place)
    elif teacher.has_weights:
        _check_given(teacher, place)
    else:
        _check_trained(study, teacher, place)
        resolved["method"] = _teacherless(teacher, (*place, "method"))
    resolved["assistants"] = resolved_chain(study, teacher, teacher.assistants, (*place, "assistants"))
    return teacher.model_copy(update=resolved)


def resolved_chain(study: Study, teacher: TeacherSettings, given: Any, place: Place) -> list[AssistantSettings]:
    """Validate a chain of assistants.

    Args:
        study: The study.
        teacher: The teacher of the first one.
        given: The assistants, as in a study file.
        place: Their place in the study file.

    Returns:
        The assistants, with every option of their methods filled in.

    Raises:
        PlaceError: A value is not valid, or a network is in the chain twice.
    """
    try:
        chain = TypeAdapter(Chain).validate_python(given)
    except ValidationError as error:
        raise first_problem(error, Chain, place) from error
    taken = dict.fromkeys(teacher.trained, "is the teacher itself")
    resolved = []
    for index, assistant in enumerate(chain):
        at = (*place, index)
        check_architecture_at(assistant.architecture, (*at, "architecture"))
        if told := taken.get((assistant.architecture, assistant.seed)):
            message = f"{assistant.architecture} with seed {assistant.seed} {told}: give it another seed"
            raise PlaceError((*at, "seed") if "seed" in assistant.model_fields_set else at, message)
        taken[assistant.architecture, assistant.seed] = "is in the chain twice"
        recipe_at(study.training, assistant.training, (*at, "training"))
        resolved.append(_with_method(assistant, at))
    return resolved


def _with_method(assistant: AssistantSettings, at: Place) -> AssistantSettings:
    ((method, options),) = assistant.method.items()
    filled = method_options(method, options, (*at, "method", method))
    if not declared("method")[method].needs_teacher:
        raise PlaceError((*at, "method"), f"{method} learns from no teacher, and an assistant learns from one")
    return assistant.model_copy(update={"method": {method: filled}})


def _check_given(teacher: TeacherSettings, place: Place) -> None:
    if teacher.members != 1:
        raise PlaceError((*place, "members"), "the teacher is given: list the members, each with its path")
    if told := next((key for key in TRAINED_KEYS if key in teacher.model_fields_set), None):
        raise PlaceError((*place, told), "the teacher is given and not trained: leave this key out")
    if not isinstance(teacher.condition, str):
        raise PlaceError((*place, "condition"), "the teacher is given: name its condition, without options")


def _check_untrained(teacher: TeacherSettings, place: Place) -> None:
    if teacher.has_weights or isinstance(teacher.members, list):
        other = "path" if teacher.has_weights else "members"
        raise PlaceError((*place, "untrained"), f"is for a teacher with an architecture, and this has {other}")
    if told := next((key for key in UNTRAINED_LACKS if key in teacher.model_fields_set), None):
        raise PlaceError((*place, told), "the teacher is untrained: leave this key out")
    if teacher.members == 1 and len(teacher.seeds) > 1:
        raise PlaceError((*place, "seeds"), "the teacher is untrained, and none is better than another: give one seed")


def _check_members(study: Study, teacher: TeacherSettings, members: list[EnsembleMember], place: Place) -> None:
    if held := teacher.model_fields_set & {*NetworkEntry.model_fields, *TRAINED_KEYS}:
        raise PlaceError((*place, min(held)), "each of the members has its own: leave this key out")
    if teacher.condition:
        raise PlaceError((*place, "condition"), "is for members that are given by their number")
    taken: set[tuple[str | None, int]] = set()
    for index, member in enumerate(members):
        at = (*place, "members", index)
        own = member.model_fields_set
        if member.has_weights:
            if told := next((key for key in ("seed", "training") if key in own), None):
                raise PlaceError((*at, told), "the network is given and not trained: leave this key out")
            continue
        if member.architecture is None:
            raise PlaceError(at, "the key architecture is missing, or the path of a trained network")
        if unfit := sorted(own & (NetworkEntry.model_fields.keys() - {"architecture"})):
            raise PlaceError((*at, unfit[0]), "this is for a network that is given: add its path, or leave it out")
        check_architecture_at(member.architecture, (*at, "architecture"))
        recipe_at(study.training, member.training, (*at, "training"))
        if (member.architecture, member.seed) in taken:
            raise PlaceError((*at, "seed"), "is the same network as another member: give it another seed")
        taken.add((member.architecture, member.seed))


def _check_trained(study: Study, teacher: TeacherSettings, place: Place) -> None:
    if teacher.architecture is None:
        raise PlaceError(place, "the key architecture is missing, or the path of a trained teacher")
    of_given = NetworkEntry.model_fields.keys() - {"architecture"}
    for key in sorted(teacher.model_fields_set & of_given):
        raise PlaceError((*place, key), "this is for a teacher that is given: add its path, or leave this key out")
    check_architecture_at(teacher.architecture, (*place, "architecture"))
    refuse_repetition(teacher.seeds, (*place, "seeds"))
    if teacher.size > 1 and len(teacher.seeds) not in (1, teacher.size):
        raise PlaceError((*place, "seeds"), f"give one seed, the first, or {teacher.size}, one for each member")
    recipe_at(study.training, teacher.training, (*place, "training"))
    if teacher.condition and condition_at(condition_entry(teacher), (*place, "condition")).per_seed:
        raise PlaceError((*place, "condition"), "draw: per_seed is not for a teacher: give a fixed draw")


def condition_entry(teacher: TeacherSettings) -> dict[str, dict[str, Any]]:
    """Return the condition of a teacher as a mapping of its name to its options."""
    entry: dict[str, dict[str, Any]] = TypeAdapter(Choice).validate_python(teacher.condition)
    return entry


def _teacherless(teacher: TeacherSettings, place: Place) -> dict[str, dict[str, Any]]:
    ((method, options),) = teacher.method.items()
    filled = method_options(method, options, (*place, method))
    if declared("method")[method].needs_teacher:
        raise PlaceError(place, f"{method} needs a teacher, and this is the teacher: use a method without one")
    return {method: filled}
