"""A check before training that the methods of a study apply to its networks."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from robustkd.data import Dataset
from robustkd.declarations import declared
from robustkd.distillation import Recipe, inapplicable
from robustkd.errors import StudyError
from robustkd.models import create_model
from robustkd.studies.given_teacher import load_given_teacher
from robustkd.studies.method_entry import MethodEntry, method_entry
from robustkd.studies.network_entry import NetworkEntry
from robustkd.studies.study import AssistantSettings, StudentSettings, Study, TeacherSettings
from robustkd.studies.values import recipe_with


def refuse_inapplicable(study: Study, data: Dataset) -> None:
    """Refuse a study with a method that does not apply to its networks, before anything is trained.

    Each method is tried on two grey images. An assistant that is larger than the teacher is allowed, and said.

    Args:
        study: The study.
        data: The data set; only its image size and its number of classes are used.

    Raises:
        StudyError: A method does not apply. The message names the networks and the reason.
    """
    told: set[str] = set()
    for index, students in enumerate(study.students):
        for teacher in study.teachers_of(students).values():
            for trial in (*_teachers(study, students, teacher), *_trials(study, students, teacher, data)):
                reasons = inapplicable(
                    trial.methods,
                    trial.student,
                    trial.teachers or None,
                    shape=data.test.shape,
                    num_classes=data.num_classes,
                    kinds=trial.kinds,
                    recipes=trial.recipes,
                )
                for name, reason in reasons.items():
                    raise StudyError(f"{study.name}: students.{index}.{trial.place}{name}: {reason}")
                if trial.warning and trial.warning not in told:
                    told.add(trial.warning)
                    print(trial.warning, file=sys.stderr)


@dataclass(frozen=True)
class _Trial:
    """Methods to try on a pair of networks."""

    place: str
    methods: Mapping[str, Mapping[str, Any]]
    kinds: Mapping[str, str]
    student: str
    teachers: tuple[str, ...]
    warning: str = ""
    recipes: Mapping[str, Recipe] | None = None


def _trials(
    study: Study, students: StudentSettings, teacher: TeacherSettings | None, data: Dataset
) -> Iterator[_Trial]:
    entries = [method_entry(name, given) for name, given in students.methods.items()]
    taught: dict[tuple[str, ...], list[MethodEntry]] = {}
    for entry in entries:
        by = TeacherSettings.model_validate(entry.teacher) if entry.teacher is not None else teacher
        root = _architectures(by, data) if by is not None else ()
        chain = _chain_of(entry, by)
        yield from _links(study, chain, entry, root, data)
        taught.setdefault((chain[-1].architecture,) if chain else root, []).append(entry)
    for architectures, held in taught.items():
        for student in students.architecture:
            yield _Trial(
                "methods.",
                {entry.name: entry.options for entry in held},
                {entry.name: entry.method for entry in held},
                student,
                architectures,
                recipes={
                    entry.name: recipe_with(study.training, {**students.training, **entry.training}) for entry in held
                },
            )


def _chain_of(entry: MethodEntry, teacher: TeacherSettings | None) -> list[AssistantSettings]:
    if teacher is None or not declared("method")[entry.method].needs_teacher:
        return []
    if entry.assistants is None:
        return teacher.assistants
    return [AssistantSettings.model_validate(each) for each in entry.assistants]


def _teachers(study: Study, students: StudentSettings, teacher: TeacherSettings | None) -> Iterator[_Trial]:
    """The teachers that are trained."""
    given = [method_entry(name, each).teacher for name, each in students.methods.items()]
    own = [TeacherSettings.model_validate(each) for each in given if each is not None]
    for each in (teacher, students.control_teacher, *own):
        if each is None or each.has_weights or each.untrained:
            continue
        members = each.members if isinstance(each.members, list) else []
        networks = [(str(member.architecture), member.training) for member in members if not member.has_weights]
        for architecture, training in networks or [(str(each.architecture), each.training)] * (not members):
            ((method, _),) = each.method.items()
            recipe = recipe_with(study.training, training)
            yield _Trial("teacher.method.", each.method, {}, architecture, (), recipes={method: recipe})


def _links(
    study: Study, chain: list[AssistantSettings], entry: MethodEntry, root: tuple[str, ...], data: Dataset
) -> Iterator[_Trial]:
    """The assistants of a chain, each with the network before it."""
    before = root
    for assistant in chain:
        larger = ""
        if _parameters(assistant.architecture, data) > max(_parameters(each, data) for each in before):
            larger = f"assistant {assistant.architecture}: is larger than {before[0]}, which teaches it"
        place = f"methods.{entry.name}.assistants."
        recipes = dict.fromkeys(assistant.method, recipe_with(study.training, assistant.training))
        yield _Trial(place, assistant.method, {}, assistant.architecture, before, larger, recipes)
        before = (assistant.architecture,)


def _parameters(architecture: str, data: Dataset) -> int:
    model = create_model(architecture, num_classes=data.num_classes, in_chans=data.test.shape[0], seed=0)
    return model.num_parameters


def _architectures(teacher: TeacherSettings, data: Dataset) -> tuple[str, ...]:
    if not isinstance(teacher.members, list):
        return teacher.size * (_architecture(teacher, data, "teacher"),)
    return tuple(
        _architecture(member, data, f"teacher.members.{index}") for index, member in enumerate(teacher.members)
    )


def _architecture(entry: NetworkEntry, data: Dataset, place: str) -> str:
    return load_given_teacher(entry, data, place).architecture if entry.has_weights else str(entry.architecture)
