"""The training sets of a study, as far as they determine a training."""

import hashlib
from dataclasses import asdict, replace
from typing import Any

from robustkd.data import Condition, Conditioned, Dataset
from robustkd.errors import StudyError
from robustkd.plugins import digest_of
from robustkd.roles import Role
from robustkd.studies.extras import Extras
from robustkd.studies.study import DataSettings


class TrainingSets:
    """The training sets that a condition makes for each seed, by their digests; each is drawn once.

    Args:
        data: The data of the study, under the condition.
        threads: The number of CPU threads of each training.
        extras: Loads images without labels that recipes ask for.
        asked: What the study says of its data.
    """

    def __init__(self, data: Dataset, threads: int, extras: Extras, asked: DataSettings) -> None:
        self.data = data
        self.extras = extras
        self._asked = asked
        self._threads = {"threads": threads} if threads != 1 else {}
        self._digests: dict[tuple[str, int], str] = {}
        self._count = threads

    def under(self, condition: Condition) -> "TrainingSets":
        """Return those of another condition.

        Args:
            condition: The condition.
        """
        return TrainingSets(replace(self.data, condition=condition), self._count, self.extras, self._asked)

    def settings(self, seed: int, role: Role) -> dict[str, Any]:
        """Return what determines the images and labels of a training, and how they are computed with.

        Args:
            seed: The seed of the training.
            role: The role of the network.
        """
        condition = self.data.condition.for_role(role)
        draw = condition.label, seed if condition.per_seed else 0
        if draw not in self._digests:
            self._digests[draw] = self._digest(draw[1], role)
        return {
            "data": self._digests[draw],
            "augmentation": asdict(self.data.augmentation),
            "seed": seed,
            **({"mean": self._asked.mean, "std": self._asked.std} if self._asked.mean is not None else {}),
            **self._threads,
        }

    def _digest(self, seed: int, role: Role) -> str:
        # of the result: two conditions that give the same images and labels share their trainings
        conditioned = self.data.trained_on(seed, role)
        if digest_of(type(self.data.condition)) is not None:
            _refuse_changed_pixels(self.data, conditioned)
        hasher = hashlib.sha256(self.data.digest.encode())
        hasher.update(conditioned.indices.numpy().tobytes())
        hasher.update(conditioned.images.labels.numpy().tobytes())
        if conditioned.painting is not None:
            hasher.update(conditioned.painting.digest.encode())
        return hasher.hexdigest()


def _refuse_changed_pixels(data: Dataset, conditioned: Conditioned) -> None:
    """Refuse what a training would ignore: it takes the data set's own images, of which a condition chooses some."""
    labels = conditioned.images.labels
    originals = replace(data.training.subset(conditioned.indices), labels=labels)
    if conditioned.painting is not None:
        originals = conditioned.painting.on(originals)
    if originals.digest != replace(conditioned.images, labels=labels).digest:
        raise StudyError(
            f"condition {data.condition.label!r} changes pixels: a condition may select images, change labels and "
            "paint patterns, and indices and painting must say which images of the training set remain, and how"
        )
