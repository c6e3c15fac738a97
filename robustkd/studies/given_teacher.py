"""Teachers of a study that it does not train: those trained elsewhere, and untrained ones."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustkd.data import Dataset
from robustkd.errors import ModelError, StudyError
from robustkd.models import PixelModel, check_architecture, create_model, load_model, save_model
from robustkd.studies.member_facts import MODEL_FILE
from robustkd.studies.network_entry import NetworkEntry
from robustkd.studies.study import DataSettings


@dataclass(frozen=True, eq=False)
class GivenTeacher:
    """A network that is not trained by the study.

    Attributes:
        checkpoint: The network as a checkpoint of robustkd, which workers on any machine can load.
        architecture: Its architecture.
        digest: The hash of what determines its outputs.
        condition: The condition of its training set; empty for that of the students.
        seed: The seed of its initial weights, if it is untrained; None otherwise.
    """

    checkpoint: bytes
    architecture: str
    digest: str
    condition: str
    seed: int | None = None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return self.architecture if self.seed is None else f"{self.architecture}-untrained-{self.seed}"


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
    checkpoint, digest = _stored(model, {"source": model.lineage.get("file", entry.path)})
    return GivenTeacher(checkpoint, model.architecture, digest, condition)


def untrained_teacher(architecture: str, seed: int, data: Dataset, asked: DataSettings) -> GivenTeacher:
    """Make a teacher that knows nothing: a network with its initial weights.

    Args:
        architecture: Its architecture.
        seed: The seed of its weights.
        data: The images of the study.
        asked: What the study says of its data: the normalisation of all networks.

    Returns:
        The teacher, whose checkpoint says that it is untrained.
    """
    model = create_model(
        architecture,
        num_classes=data.num_classes,
        in_chans=data.test.shape[0],
        mean=asked.mean,
        std=asked.std,
        seed=seed,
    )
    source = f"untrained, initial weights of seed {seed}"
    checkpoint, digest = _stored(model, {"role": "teacher", "seed": seed, "untrained": True, "source": source})
    return GivenTeacher(checkpoint, architecture, digest, "", seed)


def _stored(model: PixelModel, lineage: Mapping[str, Any]) -> tuple[bytes, str]:
    """A network as a checkpoint, and the digest of what is loaded from it."""
    with tempfile.TemporaryDirectory(prefix="robustkd-") as folder:
        file = Path(folder) / MODEL_FILE
        save_model(model, file, lineage)
        return file.read_bytes(), load_model(file).digest()
