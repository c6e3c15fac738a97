"""One training of a study; the id of a job is the hash of everything that determines its result."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from robustkd.data import Clean, Condition
from robustkd.distillation import METHODS, Method, Recipe, Stage
from robustkd.models import create_model
from robustkd.models.combination import Combination
from robustkd.roles import Role
from robustkd.studies.given_teacher import GivenTeacher
from robustkd.studies.values import recipe_with

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
