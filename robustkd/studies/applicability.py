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
from robustkd.studies.given_teacher import load_teachers
from robustkd.studies.method_entry import MethodEntry, method_entry
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
            for trial in _trials(study, students, teacher, data):
                reasons = inapplicable(
                    trial.methods,
                    trial.student,
                    trial.teacher,
                    shape=data.test.shape,
                    num_classes=data.num_classes,
                    members=trial.members,
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
    teacher: str | None
    members: int = 1
    warning: str = ""
    recipes: Mapping[str, Recipe] | None = None


def _trials(
    study: Study, students: StudentSettings, teacher: TeacherSettings | None, data: Dataset
) -> Iterator[_Trial]:
    entries = [method_entry(name, given) for name, given in students.methods.items()]
    root = _architecture(teacher, data) if teacher is not None else None
    size = teacher.size if teacher is not None else 1
    taught: dict[tuple[str | None, int], list[MethodEntry]] = {}
    for entry in entries:
        chain = _chain_of(entry, teacher)
        yield from _links(chain, entry, root, size, data)
        last = (chain[-1].architecture, 1) if chain else (root, size)
        taught.setdefault(last, []).append(entry)
    for (architecture, members), held in taught.items():
        for student in students.architecture:
            yield _Trial(
                "methods.",
                {entry.name: entry.options for entry in held},
                {entry.name: entry.method for entry in held},
                student,
                architecture,
                members,
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


def _links(
    chain: list[AssistantSettings], entry: MethodEntry, root: str | None, size: int, data: Dataset
) -> Iterator[_Trial]:
    """The assistants of a chain, each with the network before it."""
    before, members = root, size
    for assistant in chain:
        larger = ""
        if before is not None and _parameters(assistant.architecture, data) > _parameters(before, data):
            larger = f"assistant {assistant.architecture}: is larger than {before}, which teaches it"
        place = f"methods.{entry.name}.assistants."
        yield _Trial(place, assistant.method, {}, assistant.architecture, before, members, larger)
        before, members = assistant.architecture, 1


def _parameters(architecture: str, data: Dataset) -> int:
    model = create_model(architecture, num_classes=data.num_classes, in_chans=data.test.shape[0], seed=0)
    return model.num_parameters


def _architecture(teacher: TeacherSettings, data: Dataset) -> str | None:
    return load_teachers(teacher, data)[0].architecture if teacher.is_given else teacher.architecture
