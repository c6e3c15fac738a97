"""The jobs of a study; the id of a job is the hash of everything that determines its result."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from robustkd.data import DATASETS, Condition, Conditioned, Dataset
from robustkd.distillation import METHODS, Method, Recipe, Stage
from robustkd.errors import StudyError
from robustkd.models import create_model
from robustkd.models.network_source import network_source
from robustkd.plugins import digest_of
from robustkd.roles import Role, control_name
from robustkd.studies.given_teacher import GivenTeacher, load_teacher
from robustkd.studies.study import StudentSettings, Study, TeacherSettings
from robustkd.studies.validation import conditions_of, recipe_with

TRAINING_VERSION = 2
"""Raised whenever the same settings would give other weights."""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        role: The role of the network in the study.
        name: A name for messages: method and seed, or architecture and seed.
        settings: Everything that determines the result: data, architecture, method, options, recipe, seed, plugins.
        teachers: The candidates for the teacher; the rule `select` of their recipe chooses one.
        condition: The label of the condition of the training set; its effect is part of the settings.
        given: The network, if it is a teacher that is not trained; its digest is part of the settings.
    """

    role: Role
    name: str
    settings: Mapping[str, Any]
    teachers: tuple["Job", ...] = field(default=())
    condition: str = "clean"
    given: GivenTeacher | None = field(default=None, compare=False, repr=False)

    @cached_property
    def id(self) -> str:
        """SHA-256 over the settings and the ids of the teachers, but not over names, roles or paths."""
        content = [TRAINING_VERSION, self.settings, [teacher.id for teacher in self.teachers]]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def folder(self) -> str:
        """The directory of the job, ``<kind>-<name>-<hash>``; the kind is teacher or student."""
        kind = "teacher" if self.role == "teacher" else "student"
        return f"{kind}-{self.name}-{self.id[:16]}"

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe of the training."""
        return recipe_with(Recipe(), self.settings["recipe"])


@dataclass(frozen=True)
class Part:
    """The trainings that are evaluated together: students of one architecture under one condition.

    Attributes:
        condition: The condition of the training set.
        architecture: The architecture of the students.
        teachers: The candidates for the teacher; empty where no method needs one.
        students: The students, the baselines and the controls.
        other_teachers: The candidates for the teacher of the controls.
    """

    condition: Condition
    architecture: str
    teachers: tuple[Job, ...]
    students: tuple[Job, ...]
    other_teachers: tuple[Job, ...] = ()

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, teachers first."""
        return (*self.teachers, *self.other_teachers, *self.students)


@dataclass(frozen=True)
class Plan:
    """The trainings of a study.

    Attributes:
        parts: The trainings that are evaluated together.
    """

    parts: tuple[Part, ...]

    @cached_property
    def jobs(self) -> list[Job]:
        """Every training once, teachers before the jobs that wait for them."""
        return unique(job for part in self.parts for job in part.jobs)

    def title(self, job: Job) -> str:
        """Return a name for messages that is unique in this plan."""
        told = [job.name]
        if len({part.architecture for part in self.parts}) > 1 and job.role != "teacher":
            told.append(job.settings["architecture"])
        if len({part.condition.label for part in self.parts}) > 1:
            told.append(job.condition)
        return ", ".join(told)


def plan(study: Study, data: Dataset, threads: int = 1) -> Plan:
    """List the trainings of a study.

    Args:
        study: The study.
        data: The data set; its content is part of what determines a job.
        threads: The number of CPU threads of each training; it determines the order in which numbers are summed.

    Returns:
        The plan.
    """
    parts = []
    for condition in conditions_of(study):
        training_sets = _TrainingSets(replace(data, condition=condition), threads)
        for students in study.students:
            teachers = _teachers(study, study.teacher_of(students), training_sets)
            others = _teachers(study, students.control_teacher, training_sets)
            for architecture in students.architecture:
                jobs = _students(study, students, architecture, teachers, training_sets)
                controls = _controls(_students(study, students, architecture, others, training_sets)) if others else ()
                parts.append(Part(condition, architecture, teachers, (*jobs, *controls), others))
    return Plan(tuple(parts))


def unique(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs without duplicates, in their order."""
    found: dict[str, Job] = {}
    for job in jobs:
        found.setdefault(job.id, job)
    return list(found.values())


def with_teachers_left(job: Job, failed: Collection[str]) -> Job:
    """Leave out the candidates for a job's teacher that failed.

    What remains is another job with another id: only the remaining candidates determine its result, and once the
    failed one is trained the choice may be another.

    Args:
        job: The job.
        failed: The ids of the jobs that failed.

    Returns:
        The job itself where no candidate failed, or all did.
    """
    left = tuple(teacher for teacher in job.teachers if teacher.id not in failed)
    return replace(job, teachers=left) if left and len(left) < len(job.teachers) else job


def epochs_of(job: Job) -> int:
    """Return the number of epochs of a job, over all its stages."""
    return sum(stage.recipe.epochs for stage in stages_of(job))


def stages_of(job: Job) -> tuple[Stage, ...]:
    """Return the stages of a job; they depend only on its method, options and recipe."""
    method = METHODS[job.settings["method"]]
    if method.stages is Method.stages:
        return (Stage("training", job.recipe),)
    student, teacher = (create_model("cifar_wrn_10_1", num_classes=2, in_chans=3, seed=seed) for seed in (0, 1))
    return method(student, teacher, **job.settings["options"]).stages(job.recipe)


class _TrainingSets:
    """The digests of the training sets that a condition makes for each seed; each is drawn once."""

    def __init__(self, data: Dataset, threads: int) -> None:
        self.data = data
        self._threads = {"threads": threads} if threads != 1 else {}
        self._digests: dict[int, str] = {}

    def settings(self, seed: int) -> dict[str, Any]:
        draw = seed if self.data.condition.per_seed else 0
        if draw not in self._digests:
            self._digests[draw] = self._digest(draw)
        return {
            "data": self._digests[draw],
            "augmentation": asdict(self.data.augmentation),
            "seed": seed,
            **self._threads,
        }

    def _digest(self, seed: int) -> str:
        # of the result: two conditions that give the same images and labels share their trainings
        conditioned = self.data.trained_on(seed)
        if digest_of(type(self.data.condition)) is not None:
            _refuse_changed_pixels(self.data, conditioned)
        hasher = hashlib.sha256(self.data.digest.encode())
        hasher.update(conditioned.indices.numpy().tobytes())
        hasher.update(conditioned.images.labels.numpy().tobytes())
        return hasher.hexdigest()


def _refuse_changed_pixels(data: Dataset, conditioned: Conditioned) -> None:
    """Refuse what a training would ignore: it takes the data set's own images, of which a condition chooses some."""
    labels = conditioned.images.labels
    originals = replace(data.training.subset(conditioned.indices), labels=labels)
    if originals.digest != replace(conditioned.images, labels=labels).digest:
        raise StudyError(
            f"condition {data.condition.label!r} changes pixels: a condition may select images and change labels, and "
            "indices must say which images of the training set remain"
        )


def _teachers(study: Study, settings: TeacherSettings | None, training_sets: _TrainingSets) -> tuple[Job, ...]:
    if settings is None:
        return ()
    if settings.has_weights:
        return (_given(load_teacher(settings, training_sets.data), training_sets.data.condition),)
    assert settings.architecture is not None, "validation refuses a teacher that is neither given nor trained"
    recipe = recipe_with(study.training, settings.training)
    # the rule "last" compares nothing: the first seed is the teacher
    seeds = settings.seeds[:1] if recipe.select == "last" else settings.seeds
    return tuple(
        Job(
            "teacher",
            f"{settings.architecture}-{seed}",
            {
                **training_sets.settings(seed),
                **_training("baseline", {}, recipe, settings.architecture, training_sets),
            },
            condition=training_sets.data.condition.label,
        )
        for seed in seeds
    )


def _given(teacher: GivenTeacher, condition: Condition) -> Job:
    """A job that is always done; it has the settings of a training so that whatever reads jobs can read it."""
    settings = {
        "method": "baseline",
        "method_version": METHODS["baseline"].version,
        "options": {},
        "recipe": asdict(Recipe()),
        "architecture": teacher.architecture,
        "seed": None,
        "given": teacher.digest,
    }
    trained_under = teacher.condition or condition.label
    return Job("teacher", teacher.architecture, settings, condition=trained_under, given=teacher)


def _students(
    study: Study,
    students: StudentSettings,
    architecture: str,
    teachers: tuple[Job, ...],
    training_sets: _TrainingSets,
) -> tuple[Job, ...]:
    jobs = []
    for method, given in students.methods.items():
        options = {name: value for name, value in given.items() if name != "training"}
        recipe = recipe_with(study.training, {**students.training, **given.get("training", {})})
        for seed in students.seeds:
            settings = training_sets.settings(seed)
            settings |= _training(method, options, recipe, architecture, training_sets)
            jobs.append(
                Job(
                    "baseline" if method == "baseline" else "student",
                    f"{method}-{seed}",
                    settings,
                    teachers if METHODS[method].needs_teacher else (),
                    training_sets.data.condition.label,
                )
            )
    return tuple(jobs)


def _controls(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """The students of another teacher, as controls."""
    return tuple(replace(job, role="control", name=_control_job(job)) for job in jobs if job.teachers)


def _control_job(job: Job) -> str:
    return f"{control_name(job.settings['method'])} {job.settings['seed']}".replace(" ", "-")


def _training(
    method: str, options: Mapping[str, Any], recipe: Recipe, architecture: str, training_sets: _TrainingSets
) -> dict[str, Any]:
    data = training_sets.data
    source, colon, _ = data.name.partition(":")
    digests = {
        "method": digest_of(METHODS[method]),
        "architecture": network_source(architecture),
        "condition": digest_of(type(data.condition)),
        "data": digest_of(DATASETS[source + colon]) if source + colon in DATASETS.names() else None,
    }
    plugins = {name: digest for name, digest in digests.items() if digest is not None}
    return {
        "method": method,
        "method_version": METHODS[method].version,
        "options": dict(options),
        "recipe": asdict(recipe),
        "architecture": architecture,
        **({"plugins": plugins} if plugins else {}),
    }
