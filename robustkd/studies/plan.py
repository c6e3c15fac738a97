"""From a study to its jobs; a job is named by what determines its result."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from robustkd.data import Dataset
from robustkd.distillation import METHODS
from robustkd.models.pool import Role
from robustkd.studies.study import Study

TRAINING_VERSION = 1
"""Raised whenever the same settings would train other weights."""


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        role: What the network is for.
        name: For people: method and seed, or architecture.
        settings: All that determines the result: data, architecture, method, options, recipe, seed.
        teacher: The job whose network is learnt from.
    """

    role: Role
    name: str
    settings: Mapping[str, Any]
    teacher: "Job | None" = field(default=None)

    @cached_property
    def id(self) -> str:
        """SHA-256 over the settings and the teacher's id; not over names, roles or places."""
        content = [TRAINING_VERSION, self.settings, self.teacher.id if self.teacher else None]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def folder(self) -> str:
        """``<kind>-<name>-<hash>``, the job's directory; the kind is teacher or student."""
        kind = "teacher" if self.role == "teacher" else "student"
        return f"{kind}-{self.name}-{self.id[:16]}"


def plan(study: Study, data: Dataset) -> list[Job]:
    """List the trainings of a study: the teacher first, then methods by seeds.

    Args:
        study: The study.
        data: Its data set, whose content is part of what determines a job.

    Returns:
        The jobs, each after the one it needs.
    """
    shared = {
        "data": data.digest,
        "augmentation": asdict(data.augmentation),
        "recipe": asdict(study.training),
    }
    teacher = None
    if study.teacher is not None:
        settings = {
            **shared,
            "architecture": study.teacher.architecture,
            "method": "baseline",
            "options": {},
            "seed": study.teacher.seed,
        }
        teacher = Job("teacher", study.teacher.architecture, settings)
    students = [
        Job(
            "baseline" if method == "baseline" else "student",
            f"{method}-{seed}",
            {
                **shared,
                "architecture": study.students.architecture,
                "method": method,
                "options": dict(options),
                "seed": seed,
            },
            teacher if METHODS[method].needs_teacher else None,
        )
        for method, options in study.students.methods.items()
        for seed in study.students.seeds
    ]
    return [*([teacher] if teacher else []), *students]
