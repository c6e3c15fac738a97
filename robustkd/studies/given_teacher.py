"""The teacher of a study that was trained elsewhere."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustkd.data import Dataset
from robustkd.errors import ModelError, StudyError
from robustkd.models import check_architecture, load_model, save_model
from robustkd.studies.member_facts import MODEL_FILE
from robustkd.studies.network_entry import NetworkEntry
from robustkd.studies.study import TeacherSettings


@dataclass(frozen=True, eq=False)
class GivenTeacher:
    """A network that is not trained by the study.

    Attributes:
        checkpoint: The network as a checkpoint of robustkd, which workers on any machine can load.
        architecture: Its architecture.
        digest: The hash of what determines its outputs.
        condition: The condition of its training set; empty for that of the students.
    """

    checkpoint: bytes
    architecture: str
    digest: str
    condition: str


def load_teachers(settings: TeacherSettings, data: Dataset) -> list[GivenTeacher]:
    """Load the teacher that a study names, or the members of its ensemble.

    Args:
        settings: The settings of the teacher.
        data: The images of the study.

    Raises:
        StudyError: It is no network of timm or of this package, so that the methods could not look into it.
        ModelError: It cannot be loaded.
    """
    if not isinstance(settings.members, list):
        return [_load(settings, data, "teacher", settings.condition)]
    return [
        _load(member, data, f"teacher.members.{index}", settings.condition)
        for index, member in enumerate(settings.members)
    ]


def _load(entry: NetworkEntry, data: Dataset, place: str, condition: str | dict[str, Any]) -> GivenTeacher:
    model = entry.load(data, place)
    try:
        check_architecture(model.architecture)
    except ModelError as error:
        raise StudyError(
            f"{place}: is a {model.architecture}, and the teacher of a study must be a network of timm or robustkd; "
            "evaluate others with robustkd evaluate"
        ) from error
    with tempfile.TemporaryDirectory(prefix="robustkd-") as folder:
        file = Path(folder) / MODEL_FILE
        save_model(model, file, {"source": model.lineage.get("file", entry.path)})
        return GivenTeacher(file.read_bytes(), model.architecture, load_model(file).digest(), str(condition))
