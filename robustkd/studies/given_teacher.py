"""The teacher of a study that was trained elsewhere."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from robustkd.data import Dataset
from robustkd.errors import ModelError, StudyError
from robustkd.models import check_architecture, load_model, save_model
from robustkd.studies.member_facts import MODEL_FILE
from robustkd.studies.network_entry import NetworkEntry


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


def load_given_teacher(entry: NetworkEntry, data: Dataset, place: str, condition: str = "") -> GivenTeacher:
    """Load a network that a study names as a teacher.

    Args:
        entry: The description of the network.
        data: The images of the study.
        place: Where it is described, for messages.
        condition: The condition of its training set; empty for that of the students.

    Raises:
        StudyError: It is no network of timm or of this package, so that the methods could not look into it.
        ModelError: It cannot be loaded.
    """
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
        return GivenTeacher(file.read_bytes(), model.architecture, load_model(file).digest(), condition)
