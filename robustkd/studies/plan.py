"""The plan of a study: its trainings, and which of them are evaluated together."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property

from robustkd.data import Condition, Dataset
from robustkd.distillation import METHODS
from robustkd.roles import Role, control_name
from robustkd.studies.extras import Extras
from robustkd.studies.job import Job, Teaching, unique
from robustkd.studies.method_entry import MethodEntry, method_entry
from robustkd.studies.study import AssistantSettings, StudentSettings, Study, TeacherSettings
from robustkd.studies.teachers import Teachers, teachers_for
from robustkd.studies.training_sets import TrainingSets
from robustkd.studies.training_settings import training_settings
from robustkd.studies.validation import conditions_of
from robustkd.studies.values import recipe_with


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
                taught_by = teachers_for(study, teacher, training_sets)
                for architecture in students.architecture:
                    part = _part(study, students, architecture, taught_by, training_sets)
                    parts.append(replace(part, teacher_name=name))
    return Plan(tuple(parts))


def _part(
    study: Study, students: StudentSettings, architecture: str, taught_by: Teachers, training_sets: TrainingSets
) -> Part:
    jobs, others = _students(study, students, architecture, taught_by, training_sets)
    control = teachers_for(study, students.control_teacher, training_sets)
    if control.jobs:
        shared = {name: given for name, given in students.methods.items() if method_entry(name, given).teacher is None}
        of_teacher = students.model_copy(update={"methods": shared})
        of_other, beside = _students(study, of_teacher, architecture, control, training_sets)
        controls = tuple(_as_control(job) for job in of_other if job.teachers)
        jobs, others = (*jobs, *controls), (*others, *control.jobs, *beside)
    condition = training_sets.data.condition
    return Part(condition, architecture, taught_by.jobs, jobs, tuple(unique(others)), taught_by.teaching)


def _students(
    study: Study, students: StudentSettings, architecture: str, taught_by: Teachers, training_sets: TrainingSets
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
            by = taught_by
            if entry.teacher is not None:
                by = teachers_for(study, TeacherSettings.model_validate(entry.teacher), training_sets)
                beside += by.jobs
            chain = _chain(study, by, entry, training_sets)
            beside += chain
            teachers, teaching = ((chain[-1],), "one") if chain else (by.jobs, by.teaching)
        role: Role = "baseline" if name == "baseline" else "student"
        condition = training_sets.data.condition
        for seed in students.seeds:
            settings = training_settings(training_sets, seed, role, architecture, recipe, entry.method, entry.options)
            named = f"{name}-{seed}"
            job = Job(role, named, settings, teachers, teaching, name, condition, condition.label)
            jobs.append(replace(job, init=recipe.init.path or ""))
    return tuple(jobs), tuple(unique(beside))


def _chain(study: Study, taught_by: Teachers, entry: MethodEntry, training_sets: TrainingSets) -> list[Job]:
    """The assistants between the teacher and the students of an entry, each after the one that it learns from."""
    own = entry.assistants
    assistants = taught_by.assistants if own is None else [AssistantSettings.model_validate(each) for each in own]
    chain: list[Job] = []
    teachers, teaching = taught_by.jobs, taught_by.teaching
    for assistant in assistants:
        ((method, options),) = assistant.method.items()
        recipe = recipe_with(study.training, assistant.training)
        settings = training_settings(
            training_sets, assistant.seed, "student", assistant.architecture, recipe, method, options
        )
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
