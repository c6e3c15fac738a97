"""Those who teach the students of a study, as jobs: trained, given, or left as they are initialised."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from robustkd.data import Condition
from robustkd.distillation import METHODS, Recipe
from robustkd.studies.given_teacher import GivenTeacher, load_given_teacher, untrained_teacher
from robustkd.studies.job import Job, Teaching
from robustkd.studies.study import AssistantSettings, Study, TeacherSettings
from robustkd.studies.teacher_rules import condition_entry
from robustkd.studies.training_sets import TrainingSets
from robustkd.studies.training_settings import training_settings
from robustkd.studies.values import condition_named, recipe_with


@dataclass(frozen=True)
class Teachers:
    """Those who teach a family of students.

    Attributes:
        jobs: The candidates for the teacher, or the members of an ensemble.
        teaching: How they teach.
        assistants: The chain of assistants after them; their trainings depend on the method that the students use.
    """

    jobs: tuple[Job, ...] = ()
    teaching: Teaching = "one"
    assistants: tuple[AssistantSettings, ...] = ()


def teachers_for(study: Study, settings: TeacherSettings | None, training_sets: TrainingSets) -> Teachers:
    """List the trainings of the teachers of a family of students.

    Args:
        study: The study.
        settings: What the study says of the teacher; None where no method needs one.
        training_sets: The training sets under the condition of the students.

    Returns:
        The teachers, whether they are to be trained, given or untrained.
    """
    if settings is None:
        return Teachers()
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
        return Teachers(tuple(jobs), teaching, chain)
    if settings.has_weights:
        given = load_given_teacher(settings, data, "teacher", str(settings.condition))
        return Teachers((_given(given, data.condition),), teaching, chain)
    if settings.untrained:
        made = (
            untrained_teacher(str(settings.architecture), seed, data, study.data) for seed in settings.trained_seeds
        )
        return Teachers(tuple(_given(each, data.condition) for each in made), teaching)
    assert settings.architecture is not None, "validation refuses a teacher that is neither given nor trained"
    if settings.condition:
        training_sets = training_sets.under(condition_named(condition_entry(settings)))
    seeds = settings.trained_seeds
    recipe = recipe_with(study.training, settings.training)
    if teaching == "one" and recipe.select == "last":  # the rule compares nothing: the first seed is the teacher
        seeds = seeds[:1]
    own = (settings.training, training_sets, settings.method)
    return Teachers(tuple(_teacher(study, settings.architecture, seed, *own) for seed in seeds), teaching, chain)


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
        training_settings(training_sets, seed, "teacher", architecture, recipe, method, options),
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
