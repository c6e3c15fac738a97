"""The jobs of a study; the id of a job is the hash of everything that determines its result."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from robustkd.data import DATASETS, Clean, Condition, Conditioned, Dataset
from robustkd.distillation import METHODS, Method, Recipe, Stage
from robustkd.errors import StudyError
from robustkd.models import create_model
from robustkd.models.combination import Combination
from robustkd.models.network_source import network_source
from robustkd.plugins import digest_of
from robustkd.regular_file import why_not_a_file
from robustkd.results.storage import file_digest
from robustkd.roles import Role, control_name
from robustkd.studies.extras import Extras
from robustkd.studies.given_teacher import GivenTeacher, load_given_teacher
from robustkd.studies.method_entry import MethodEntry, method_entry
from robustkd.studies.study import AssistantSettings, DataSettings, StudentSettings, Study, TeacherSettings
from robustkd.studies.teacher_rules import condition_entry
from robustkd.studies.validation import conditions_of
from robustkd.studies.values import condition_named, recipe_with

TRAINING_VERSION = 2
"""Raised whenever the same settings would give other weights."""


Teaching = Literal["one"] | Combination
"""How several networks teach: one of them, which is chosen, or all, as an ensemble that predicts a mean."""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        role: The role of the network in the study.
        name: A name for messages: method and seed, or architecture and seed.
        settings: Everything that determines the result: data, architecture, method, options, recipe, seed, plugins.
        teachers: The candidates for the teacher, of which the rule `select` of their recipe chooses one; or the members
            of an ensemble.
        teaching: How they teach.
        method: The name of the method in tables; empty for a teacher.
        condition: The condition of the training set; its effect is part of the settings.
        label: The label of the condition in tables.
        given: The network, if it is a teacher that is not trained; its digest is part of the settings.
        init: The file of the checkpoint that its weights begin with, whose digest is part of the settings; empty for
            none.
    """

    role: Role
    name: str
    settings: Mapping[str, Any]
    teachers: tuple["Job", ...] = field(default=())
    teaching: Teaching = "one"
    method: str = ""
    condition: Condition = field(default=Clean(), compare=False, repr=False)
    label: str = "clean"
    given: GivenTeacher | None = field(default=None, compare=False, repr=False)
    init: str = field(default="", compare=False, repr=False)

    @cached_property
    def id(self) -> str:
        """SHA-256 over the settings and the ids of the teachers, but not over names, roles or paths."""
        content: list[Any] = [TRAINING_VERSION, self.settings, [teacher.id for teacher in self.teachers]]
        content += [self.teaching] if self.teaching != "one" else []
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
    """The trainings that are evaluated together: students of one architecture and teacher under one condition.

    Attributes:
        condition: The condition of the training set.
        architecture: The architecture of the students.
        teachers: The candidates for the teacher, or the members of an ensemble; empty where no method needs a teacher.
        students: The students, the baselines and the controls.
        others: What these wait for beside the teachers: assistants, and the teachers of the controls.
        teaching: How the teachers teach.
        teacher_name: The name of the teacher where there are students of several.
    """

    condition: Condition
    architecture: str
    teachers: tuple[Job, ...]
    students: tuple[Job, ...]
    others: tuple[Job, ...] = ()
    teaching: Teaching = "one"
    teacher_name: str = ""

    @property
    def group(self) -> str:
        """A name for the students in tables: the architecture, and the teacher where there are several."""
        return f"{self.architecture}, teacher {self.teacher_name}" if self.teacher_name else self.architecture

    @property
    def jobs(self) -> tuple[Job, ...]:
        """All jobs, teachers before those that they teach."""
        return (*self.teachers, *self.others, *self.students)


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
        if job.teachers and (teacher := self._teacher_names.get(job.id)):
            told.append(f"teacher {teacher}")
        if len({each.label for each in self.jobs}) > 1:
            told.append(job.label)
        return ", ".join(told)

    @cached_property
    def _teacher_names(self) -> dict[str, str]:
        return {job.id: part.teacher_name for part in self.parts for job in part.students}


def plan(study: Study, data: Dataset, threads: int = 1, extras: Extras | None = None) -> Plan:
    """List the trainings of a study.

    Args:
        study: The study.
        data: The data set; its content is part of what determines a job.
        threads: The number of CPU threads of each training; it determines the order in which numbers are summed.
        extras: Loads images without labels that recipes ask for; their content is part of what determines a job.

    Returns:
        The plan.
    """
    parts = []
    extras = extras or Extras(data)
    for condition in conditions_of(study):
        training_sets = _TrainingSets(replace(data, condition=condition), threads, extras, study.data)
        for students in study.students:
            for name, teacher in study.teachers_of(students).items():
                taught = _taught(study, teacher, training_sets)
                for architecture in students.architecture:
                    part = _part(study, students, architecture, taught, training_sets)
                    parts.append(replace(part, teacher_name=name))
    return Plan(tuple(parts))


def _part(
    study: Study, students: StudentSettings, architecture: str, taught: "_Taught", training_sets: "_TrainingSets"
) -> Part:
    jobs, others = _students(study, students, architecture, taught, training_sets)
    control = _taught(study, students.control_teacher, training_sets)
    if control.jobs:
        of_other, beside = _students(study, students, architecture, control, training_sets)
        controls = tuple(_as_control(job) for job in of_other if job.teachers)
        jobs, others = (*jobs, *controls), (*others, *control.jobs, *beside)
    condition = training_sets.data.condition
    return Part(condition, architecture, taught.jobs, jobs, tuple(unique(others)), taught.teaching)


def unique(jobs: Iterable[Job]) -> list[Job]:
    """Return the jobs without duplicates, in their order."""
    found: dict[str, Job] = {}
    for job in jobs:
        found.setdefault(job.id, job)
    return list(found.values())


def with_teachers_left(job: Job, failed: Collection[str]) -> Job:
    """Leave out the candidates for a job's teacher that failed; an ensemble keeps all its members.

    What remains is another job with another id: only the remaining candidates determine its result, and once the
    failed one is trained the choice may be another.

    Args:
        job: The job.
        failed: The ids of the jobs that failed.

    Returns:
        The job itself where no candidate failed, or all did.
    """
    if job.teaching != "one":
        return job
    left = tuple(teacher for teacher in job.teachers if teacher.id not in failed)
    return replace(job, teachers=left) if left and len(left) < len(job.teachers) else job


def without_teacher(job: Job, failed: Collection[str]) -> bool:
    """Whether a job has no teacher left: all its candidates failed, or a member of its ensemble.

    Args:
        job: The job.
        failed: The ids of the jobs that failed.
    """
    return teaching_left(job.teachers, job.teaching, failed) == [] and bool(job.teachers)


def teaching_left(teachers: Sequence[Job], teaching: Teaching, failed: Collection[str]) -> list[Job]:
    """Return the teachers that are left; none where a member of an ensemble failed.

    Args:
        teachers: The candidates, or the members of an ensemble.
        teaching: How they teach.
        failed: The ids of the jobs that failed.
    """
    left = [teacher for teacher in teachers if teacher.id not in failed]
    return left if teaching == "one" or len(left) == len(teachers) else []


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

    def __init__(self, data: Dataset, threads: int, extras: Extras, asked: DataSettings) -> None:
        self.data = data
        self.extras = extras
        self._asked = asked
        self._threads = {"threads": threads} if threads != 1 else {}
        self._digests: dict[tuple[str, int], str] = {}
        self._count = threads

    def under(self, condition: Condition) -> "_TrainingSets":
        """The same training sets under another condition."""
        return _TrainingSets(replace(self.data, condition=condition), self._count, self.extras, self._asked)

    def settings(self, seed: int, role: Role) -> dict[str, Any]:
        condition = self.data.condition.for_role(role)
        draw = condition.label, seed if condition.per_seed else 0
        if draw not in self._digests:
            self._digests[draw] = self._digest(draw[1], role)
        return {
            "data": self._digests[draw],
            "augmentation": asdict(self.data.augmentation),
            "seed": seed,
            **({"mean": self._asked.mean, "std": self._asked.std} if self._asked.mean is not None else {}),
            **self._threads,
        }

    def _digest(self, seed: int, role: Role) -> str:
        # of the result: two conditions that give the same images and labels share their trainings
        conditioned = self.data.trained_on(seed, role)
        if digest_of(type(self.data.condition)) is not None:
            _refuse_changed_pixels(self.data, conditioned)
        hasher = hashlib.sha256(self.data.digest.encode())
        hasher.update(conditioned.indices.numpy().tobytes())
        hasher.update(conditioned.images.labels.numpy().tobytes())
        if conditioned.painting is not None:
            hasher.update(conditioned.painting.digest.encode())
        return hasher.hexdigest()


def _refuse_changed_pixels(data: Dataset, conditioned: Conditioned) -> None:
    """Refuse what a training would ignore: it takes the data set's own images, of which a condition chooses some."""
    labels = conditioned.images.labels
    originals = replace(data.training.subset(conditioned.indices), labels=labels)
    if conditioned.painting is not None:
        originals = conditioned.painting.on(originals)
    if originals.digest != replace(conditioned.images, labels=labels).digest:
        raise StudyError(
            f"condition {data.condition.label!r} changes pixels: a condition may select images, change labels and "
            "paint patterns, and indices and painting must say which images of the training set remain, and how"
        )


@dataclass(frozen=True)
class _Taught:
    """Those who teach a family of students: the teachers, and the chain of assistants after them."""

    jobs: tuple[Job, ...] = ()
    teaching: Teaching = "one"
    assistants: tuple[AssistantSettings, ...] = ()


def _taught(study: Study, settings: TeacherSettings | None, training_sets: _TrainingSets) -> _Taught:
    if settings is None:
        return _Taught()
    data = training_sets.data
    teaching: Teaching = settings.combine if settings.size > 1 else "one"
    chain = tuple(settings.assistants)
    if isinstance(settings.members, list):
        jobs = [
            _given(load_given_teacher(member, data, f"teacher.members.{index}"), data.condition)
            if member.has_weights
            else _teacher(study, str(member.architecture), member.seed, member.training, training_sets)
            for index, member in enumerate(settings.members)
        ]
        return _Taught(tuple(jobs), teaching, chain)
    if settings.has_weights:
        given = load_given_teacher(settings, data, "teacher", str(settings.condition))
        return _Taught((_given(given, data.condition),), teaching, chain)
    assert settings.architecture is not None, "validation refuses a teacher that is neither given nor trained"
    if settings.condition:
        training_sets = training_sets.under(condition_named(condition_entry(settings)))
    seeds = settings.trained_seeds
    recipe = recipe_with(study.training, settings.training)
    if teaching == "one" and recipe.select == "last":  # the rule compares nothing: the first seed is the teacher
        seeds = seeds[:1]
    own = (settings.training, training_sets, settings.method)
    return _Taught(tuple(_teacher(study, settings.architecture, seed, *own) for seed in seeds), teaching, chain)


def _teacher(
    study: Study,
    architecture: str,
    seed: int,
    training: Mapping[str, Any],
    training_sets: _TrainingSets,
    chosen: Mapping[str, Mapping[str, Any]] | None = None,
) -> Job:
    """The training of a teacher, on the labels alone unless another method is chosen."""
    ((method, options),) = (chosen or {"baseline": {}}).items()
    recipe = recipe_with(study.training, training)
    condition = training_sets.data.condition
    return Job(
        "teacher",
        f"{architecture}-{seed}" if method == "baseline" else f"{architecture}-{method}-{seed}",
        {
            **training_sets.settings(seed, "teacher"),
            **_training(method, options, recipe, architecture, training_sets),
        },
        condition=condition,
        label=condition.label,
        init=recipe.init.path or "",
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
    label = teacher.condition or condition.label
    return Job("teacher", teacher.architecture, settings, condition=condition, label=label, given=teacher)


def _students(
    study: Study, students: StudentSettings, architecture: str, taught: _Taught, training_sets: _TrainingSets
) -> tuple[tuple[Job, ...], tuple[Job, ...]]:
    """The students of one architecture, and the assistants that they learn from."""
    jobs: list[Job] = []
    beside: list[Job] = []
    for name, given in students.methods.items():
        entry = method_entry(name, given)
        recipe = recipe_with(study.training, {**students.training, **entry.training})
        teachers: tuple[Job, ...] = ()
        teaching: Teaching = "one"
        if METHODS[entry.method].needs_teacher:
            by = taught
            if entry.teacher is not None:
                by = _taught(study, TeacherSettings.model_validate(entry.teacher), training_sets)
                beside += by.jobs
            chain = _chain(study, by, entry, training_sets)
            beside += chain
            teachers, teaching = ((chain[-1],), "one") if chain else (by.jobs, by.teaching)
        role: Role = "baseline" if name == "baseline" else "student"
        condition = training_sets.data.condition
        for seed in students.seeds:
            settings = training_sets.settings(seed, role)
            settings |= _training(entry.method, entry.options, recipe, architecture, training_sets)
            named = f"{name}-{seed}"
            job = Job(role, named, settings, teachers, teaching, name, condition, condition.label)
            jobs.append(replace(job, init=recipe.init.path or ""))
    return tuple(jobs), tuple(unique(beside))


def _chain(study: Study, taught: _Taught, entry: MethodEntry, training_sets: _TrainingSets) -> list[Job]:
    """The assistants between the teacher and the students of an entry, each after the one that it learns from."""
    own = entry.assistants
    assistants = taught.assistants if own is None else [AssistantSettings.model_validate(each) for each in own]
    chain: list[Job] = []
    teachers, teaching = taught.jobs, taught.teaching
    for assistant in assistants:
        ((method, options),) = assistant.method.items()
        recipe = recipe_with(study.training, assistant.training)
        settings = training_sets.settings(assistant.seed, "student")
        settings |= _training(method, options, recipe, assistant.architecture, training_sets)
        name = f"assistant-{assistant.architecture}-{assistant.seed}"
        condition = training_sets.data.condition
        job = Job("student", name, settings, teachers, teaching, method, condition, condition.label)
        chain.append(replace(job, init=recipe.init.path or ""))
        teachers, teaching = (chain[-1],), "one"
    return chain


def _as_control(job: Job) -> Job:
    """A student of another teacher, as a control."""
    name = f"{control_name(job.method)} {job.settings['seed']}".replace(" ", "-")
    return replace(job, role="control", name=name)


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
    extra = recipe.distillation_data.extra
    return {
        "method": method,
        "method_version": METHODS[method].version,
        "options": dict(options),
        "recipe": asdict(_without_path(recipe)),
        "architecture": architecture,
        **({"extra": training_sets.extras.digest(extra)} if extra is not None else {}),
        **({"plugins": plugins} if plugins else {}),
    }


def _without_path(recipe: Recipe) -> Recipe:
    """The recipe with the digest of the checkpoint that it begins with, instead of its path."""
    if recipe.init.path is None:
        return recipe
    file = Path(recipe.init.path)
    if problem := why_not_a_file(file):
        raise StudyError(f"training.init.path: {file}: {problem}")
    return replace(recipe, init=replace(recipe.init, path=file_digest(file)))
