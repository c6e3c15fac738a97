"""The methods of a run, and how their networks were trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from robustkd.reporting.published.paper_table import PLAIN
from robustkd.reporting.run import Run

_OWN_TEACHER = "own teacher"


@dataclass(frozen=True)
class Trained:
    """The networks of a method in a part of a run, which differ only in their seed.

    Attributes:
        name: The name of the method in this run.
        method: The name of the method in robustkd; the name in this run where its checkpoints do not state it.
        role: ``baseline`` or ``student``.
        architecture: The architecture.
        group: The part of the run.
        condition: The label of the condition of the training set.
        teacher: The architecture of the teacher of this part; empty without one.
        teacher_method: The method that trained that teacher; ``baseline`` where it is not known to be another.
        settings: The options of the method and the settings of its recipe, by name.
        known: Whether the recipe is known.
    """

    name: str
    method: str
    role: str
    architecture: str
    group: str
    condition: str
    teacher: str
    teacher_method: str
    settings: Mapping[str, Any]
    known: bool


def trained_in(run: Run, evaluation: str) -> tuple[Trained, ...]:
    """Return the baselines and students of a run, in the order of its results.

    Args:
        run: The run.
        evaluation: An evaluation that the run has results of.
    """
    networks = run.trust[evaluation].networks
    study = _study(run)
    keys = ["group", "condition", "role", "method", "architecture"]
    found = []
    for (group, condition, role, name, architecture), rows in networks.groupby(keys, sort=False, dropna=False):
        if role not in ("baseline", "student"):
            continue
        lineage = _lineage(run, rows.iloc[0])
        teacher = _teacher(networks, str(group), str(condition))
        recipe = _recipe(study, str(name), str(architecture), str(group)) | _flat(lineage.get("recipe") or {})
        own_teacher = recipe.pop(_OWN_TEACHER, "")
        found.append(
            Trained(
                name=str(name),
                method="baseline" if role == "baseline" else str(lineage.get("method") or name),
                role=str(role),
                architecture=str(architecture),
                group=str(group),
                condition=str(condition),
                teacher=own_teacher or ("" if teacher is None else str(teacher["architecture"])),
                teacher_method="baseline"
                if teacher is None
                else str(_lineage(run, teacher).get("method") or "baseline"),
                settings={**PLAIN, **recipe, **(lineage.get("options") or {})},
                known="epochs" in recipe,
            )
        )
    return tuple(found)


def _teacher(networks: pd.DataFrame, group: str, condition: str) -> pd.Series | None:
    beside = networks[(networks["group"] == group) & (networks["condition"] == condition)]
    teachers = beside[beside["role"] == "teacher"]
    return teachers.iloc[0] if len(teachers) else None


def _lineage(run: Run, network: pd.Series) -> Mapping[str, Any]:
    """How a network came about, as its checkpoint states it; empty where it does not."""
    for member in run.provenance["members"]:
        if all(member.get(key) == network[key] for key in ("member", "condition", "architecture")):
            return member.get("lineage") or {}
    return {}


def _study(run: Run) -> Mapping[str, Any]:
    """The study of a run; without keys where networks were given instead of trained."""
    study = yaml.safe_load(run.provenance.get("study") or "")
    return study if isinstance(study, dict) else {}


def _recipe(study: Mapping[str, Any], name: str, architecture: str, group: str) -> dict[str, Any]:
    """The recipe of a method: that of the study, changed by that of its students and that of its entry."""
    recipe = _flat(study.get("training") or {})
    for students in study.get("students") or []:
        entries = students["methods"]
        by_teacher = students.get("teachers") or {}
        here = not by_teacher or any(group.endswith(f", teacher {teacher}") for teacher in by_teacher)
        if name in entries and architecture in students["architecture"] and here:
            entry = entries[name] or {}
            changed = _flat(students.get("training") or {}) | _flat(entry.get("training") or {})
            return recipe | changed | _own_teacher(entry.get("teacher") or {})
    return recipe


def _own_teacher(teacher: Mapping[str, Any]) -> dict[str, Any]:
    """The teacher of an entry that has one of its own: the architectures of several, or that of one."""
    if teacher.get("members"):
        return {"teacher": [member["architecture"] for member in teacher["members"]]}
    return {_OWN_TEACHER: teacher["architecture"]} if teacher.get("architecture") else {}


def _flat(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe with the settings of the data of the distillation among its own, and the initial weights in a word."""
    flat = {key: value for key, value in recipe.items() if key != "distillation_data"}
    if isinstance(flat.get("init"), dict):
        flat["init"] = _initial(flat["init"])
    return flat | (recipe.get("distillation_data") or {})


def _initial(init: Mapping[str, Any]) -> str:
    if init.get("shared"):
        return "shared"
    if init.get("near_teacher") is not None:
        return f"near the teacher ({init['near_teacher']})"
    return "random" if init.get("path") is None else "given"
