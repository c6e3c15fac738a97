"""What is known of how a student was trained: from its checkpoint, and from the study."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml


@dataclass(frozen=True)
class Student:
    """A student of a part.

    Attributes:
        name: Its name in the study.
        method: The method that trained it; its name, in lower case, where the checkpoint does not say.
        options: The options of the method, as far as known.
        training: How its training differs from an ordinary one: ``init``, ``distillation_data`` and ``split``, and
            ``teacher_split`` where its teacher saw only one half of the images.
        distilled: Whether it had a teacher; True where the checkpoint does not say.
        architecture: Its architecture.
        parameters: The number of its parameters; 0 where unknown.
    """

    name: str
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    distilled: bool = True
    architecture: str = ""
    parameters: int = 0

    @property
    def plain(self) -> bool:
        """Whether it was trained as the method says: its own initial weights, the same images, the usual loss."""
        return not self.training and self.options.get("variant", "original") in _USUAL


_USUAL = ("original", "sarfraz2020", "ruffy2019")


def student_of(provenance: Mapping[str, Any], name: str, architecture: str, condition: str) -> Student:
    """Collect what a run knows of a student.

    Args:
        provenance: The content of ``run.json``.
        name: The name of the student in the study.
        architecture: Its architecture.
        condition: The condition of its training set.
    """
    members = [member for member in provenance.get("members", []) if member.get("method") == name]
    same = [member for member in members if member.get("condition") == condition] or members
    same = [member for member in same if member.get("architecture") == architecture] or same
    member = same[0] if same else {}
    lineage = member.get("lineage") or {}
    known = "method" in lineage
    return Student(
        name,
        str(lineage["method"]) if known else name.lower().replace("-", "_").replace(" ", "_"),
        lineage.get("options") or {},
        {**_unusual(_study(provenance), name, architecture), **_half_of_teacher(_study(provenance))},
        not known or bool(lineage.get("teacher_job") or lineage.get("teacher")),
        architecture,
        int(member.get("parameters") or 0),
    )


def training_data(provenance: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the augmentation of the training images; None where the run does not say it."""
    data = _study(provenance).get("data")
    if not isinstance(data, dict) or "augmentation" not in data:
        return None
    return data["augmentation"] or {}


def _study(provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    return _parsed(str(provenance.get("study", "")))


@cache
def _parsed(study: str) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(study)
    except yaml.YAMLError:  # then nothing is known of the trainings
        return {}
    return found if isinstance(found, dict) else {}


def _unusual(study: Mapping[str, Any], name: str, architecture: str) -> dict[str, Any]:
    """What a study sets of the initial weights, the images and the split of a student's training."""
    settings: dict[str, Any] = {}
    for training in _trainings(study, name, architecture):
        settings |= {key: training[key] for key in _USUAL_TRAINING if key in training}
    return {key: value for key, value in settings.items() if _differs(value, _USUAL_TRAINING[key])}


def _half_of_teacher(study: Mapping[str, Any]) -> dict[str, Any]:
    """The half of the images that the study's teacher was trained on; nothing where it saw all."""
    teacher = study.get("teacher")
    split = (teacher.get("training") or {}).get("split", "all") if isinstance(teacher, dict) else "all"
    return {} if split == "all" else {"teacher_split": split}


def _trainings(study: Mapping[str, Any], name: str, architecture: str) -> Iterator[Mapping[str, Any]]:
    """The settings of a student's training, from the general to its own."""
    yield study.get("training") or {}
    blocks = study.get("students") or []
    for block in blocks if isinstance(blocks, list) else [blocks]:
        architectures = block.get("architecture", [])
        methods = block.get("methods") or {}
        if architecture not in ([architectures] if isinstance(architectures, str) else architectures):
            continue
        if isinstance(methods, dict) and name in methods:
            yield block.get("training") or {}
            yield (methods[name] or {}).get("training") or {}


_USUAL_TRAINING: dict[str, Any] = {
    "init": {"near_teacher": None, "shared": False, "path": None},
    "distillation_data": {
        "rotation": 0,
        "vertical_flip": False,
        "colour_jitter": 0,
        "policy": "none",
        "mixing": "none",
        "extra": None,
    },
    "split": "all",
}


def _differs(value: Any, usual: Any) -> bool:
    if isinstance(value, dict) and isinstance(usual, dict):
        return any(value.get(key, default) != default for key, default in usual.items())
    return bool(value is not None and value != usual)
