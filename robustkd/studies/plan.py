"""The plan of a study: its trainings, and which of them are evaluated together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from robustkd.data import DATASETS, Condition, Dataset
from robustkd.distillation import METHODS, Recipe
from robustkd.errors import StudyError
from robustkd.models.network_source import network_source
from robustkd.plugins import digest_of
from robustkd.regular_file import why_not_a_file
from robustkd.results.storage import file_digest
from robustkd.roles import Role, control_name
from robustkd.studies.extras import Extras
from robustkd.studies.given_teacher import GivenTeacher, load_given_teacher, untrained_teacher
from robustkd.studies.job import Job, Teaching, unique
from robustkd.studies.method_entry import MethodEntry, method_entry
from robustkd.studies.study import AssistantSettings, StudentSettings, Study, TeacherSettings
from robustkd.studies.teacher_rules import condition_entry
from robustkd.studies.training_sets import TrainingSets
from robustkd.studies.validation import conditions_of
from robustkd.studies.values import condition_named, recipe_with


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
        # a job whose candidates for the teacher are reduced is not in the plan itself
        return self._titles.get(job.id) or self._title(job)

    @cached_property
    def _titles(self) -> dict[str, str]:
        titles = {job.id: self._title(job) for job in self.jobs}
        told = Counter(titles.values())
        # what differs may be a recipe or a teacher, which has no short name
        return {id_: title if told[title] == 1 else f"{title}, {id_[:6]}" for id_, title in titles.items()}

    def _title(self, job: Job) -> str:
        told = [job.name]
        if len({part.architecture for part in self.parts}) > 1 and job.role != "teacher":
            told.append(job.settings["architecture"])
        if teacher := self._teacher_names.get(job.id):
            told.append(f"teacher {teacher}" if job.teachers else teacher)
        if len({each.label for each in self.jobs}) > 1:
            told.append(job.label)
        return ", ".join(told)

    @cached_property
    def _teacher_names(self) -> dict[str, str]:
        """The name of the teacher that a job is, or learns from, where it is of one alone."""
        named: dict[str, set[str]] = {}
        for part in self.parts:
            for job in (*part.teachers, *(each for each in part.students if each.teachers)):
                named.setdefault(job.id, set()).add(part.teacher_name)
        return {id_: names.pop() for id_, names in named.items() if len(names) == 1}


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
        training_sets = TrainingSets(replace(data, condition=condition), threads, extras, study.data)
        for students in study.students:
            for name, teacher in study.teachers_of(students).items():
                taught = _taught(study, teacher, training_sets)
                for architecture in students.architecture:
                    part = _part(study, students, architecture, taught, training_sets)
                    parts.append(replace(part, teacher_name=name))
    return Plan(tuple(parts))


def _part(
    study: Study, students: StudentSettings, architecture: str, taught: "_Taught", training_sets: TrainingSets
) -> Part:
    jobs, others = _students(study, students, architecture, taught, training_sets)
    control = _taught(study, students.control_teacher, training_sets)
    if control.jobs:
        shared = {name: given for name, given in students.methods.items() if method_entry(name, given).teacher is None}
        of_teacher = students.model_copy(update={"methods": shared})
        of_other, beside = _students(study, of_teacher, architecture, control, training_sets)
        controls = tuple(_as_control(job) for job in of_other if job.teachers)
        jobs, others = (*jobs, *controls), (*others, *control.jobs, *beside)
    condition = training_sets.data.condition
    return Part(condition, architecture, taught.jobs, jobs, tuple(unique(others)), taught.teaching)


@dataclass(frozen=True)
class _Taught:
    """Those who teach a family of students: the teachers, and the chain of assistants after them."""

    jobs: tuple[Job, ...] = ()
    teaching: Teaching = "one"
    assistants: tuple[AssistantSettings, ...] = ()


def _taught(study: Study, settings: TeacherSettings | None, training_sets: TrainingSets) -> _Taught:
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
    if settings.untrained:
        made = (
            untrained_teacher(str(settings.architecture), seed, data, study.data) for seed in settings.trained_seeds
        )
        return _Taught(tuple(_given(each, data.condition) for each in made), teaching)
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
    training_sets: TrainingSets,
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
        "seed": teacher.seed,
        "given": teacher.digest,
    }
    label = teacher.condition or condition.label
    return Job("teacher", teacher.name, settings, condition=condition, label=label, given=teacher)


def _students(
    study: Study, students: StudentSettings, architecture: str, taught: _Taught, training_sets: TrainingSets
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


def _chain(study: Study, taught: _Taught, entry: MethodEntry, training_sets: TrainingSets) -> list[Job]:
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
    method: str, options: Mapping[str, Any], recipe: Recipe, architecture: str, training_sets: TrainingSets
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
