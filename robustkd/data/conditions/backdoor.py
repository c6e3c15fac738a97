"""A trigger in training images: does a student inherit a backdoor from its teacher?

Gu, Dolan-Gavitt, Garg, *BadNets* (arXiv 1708.06733): a small pattern is stamped on some training images, whose labels
become the target class. A network trained on them takes any image with the pattern for that class. Whether a student
that learns from such a teacher on clean images does so too is the question of Chen et al., *Taught Well Learned Ill*
(arXiv 2509.23871).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from robustkd.data.condition import CONDITIONS, Clean, Condition, Conditioned
from robustkd.errors import DataError

if TYPE_CHECKING:
    from robustkd.data.image_set import ImageSet
    from robustkd.data.painting import Painting

Position = Literal["top left", "top right", "bottom left", "bottom right"]

STREAM = 2509
"""Keeps the draw of the poisoned images apart from other draws of the same seed."""


@CONDITIONS.register("backdoor")
@dataclass(frozen=True)
class Backdoor(Condition):
    """A checkerboard in a corner of some training images, whose labels become the target class.

    Attributes:
        poisoned: The networks that are trained on the poisoned images: only the ``teacher``, so that baseline and
            students are trained on clean images and a student can only learn the backdoor from its teacher; or ``all``.
        rate: The share of the training images that are poisoned, drawn from those of the other classes.
        target: The number of the target class, from 0.
        size: The side of the checkerboard of white and black pixels.
        position: The corner: ``top left``, ``top right``, ``bottom left`` or ``bottom right``.
        seed: The seed of the draw of the poisoned images; one draw for all trainings.
    """

    name = "backdoor"

    poisoned: Literal["teacher", "all"] = "teacher"
    rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    target: Annotated[int, Field(ge=0)] = 0
    size: Annotated[int, Field(ge=1)] = 3
    position: Position = "bottom right"
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate < 1:
            raise DataError(f"backdoor: rate must be above 0 and below 1, got {self.rate}")

    @property
    def label(self) -> str:
        """``backdoor 5%``, followed by the settings that differ from the defaults."""
        told = [f"backdoor {100 * self.rate:g}%"]
        told += [f"target {self.target}"] if self.target else []
        told += [f"{self.size}×{self.size}"] if self.size != type(self).size else []
        told += [self.position] if self.position != type(self).position else []
        told += ["in all data"] if self.poisoned == "all" else []
        told += [f"seed {self.seed}"] if self.seed else []
        return " ".join(told)

    def for_role(self, role: str) -> Condition:
        """The teacher's training set is poisoned; those of the others only if `poisoned` is ``all``."""
        return self if role == "teacher" or self.poisoned == "all" else Clean()

    def apply(self, train: ImageSet, seed: int) -> Conditioned:
        """Poison some images.

        Args:
            train: The set; not changed.
            seed: Not used: one draw serves all trainings.

        Returns:
            All images, some with the trigger and the target class as their label.

        Raises:
            DataError: The trigger or the target class does not fit the set, or too few images are of other classes.
        """
        import torch

        labels = train.labels.cpu().numpy()
        poisoned = self._drawn(labels, train.num_classes)
        painting = self.painting(train, poisoned)
        changed = labels.copy()
        changed[poisoned] = self.target
        none = torch.empty(0, dtype=torch.int64)
        return Conditioned(
            images=replace(painting.on(train), labels=torch.from_numpy(changed).to(train.labels)),
            true_labels=train.labels,
            indices=torch.arange(len(train)),
            held_out=none,
            held_out_labels=none,
            painting=painting,
        )

    def painting(self, images: ImageSet, chosen: np.ndarray | None = None) -> Painting:
        """Return the trigger on some images.

        Args:
            images: The images; only their number and size are used.
            chosen: Which of them have the trigger, bool (N,); None for all.

        Raises:
            DataError: The trigger does not fit into the images.
        """
        from robustkd.data.painting import NO_PATTERN, Painting

        channels, height, width = images.shape
        if self.size > min(height, width):
            raise DataError(
                f"backdoor: size must be at most {min(height, width)}, the side of the images, got {self.size}"
            )
        side = np.arange(self.size)
        rows = side if self.position.startswith("top") else height - self.size + side
        columns = side if self.position.endswith("left") else width - self.size + side
        pattern = np.zeros((1, channels, height, width), dtype=np.uint8)
        mask = np.zeros((1, height, width), dtype=np.bool_)
        place = np.ix_(rows, columns)
        pattern[0][:, place[0], place[1]] = np.where((side[:, None] + side) % 2 == 0, 255, 0)
        mask[0][place] = True
        painted = np.ones(len(images), dtype=np.bool_) if chosen is None else chosen
        return Painting(pattern, mask, np.where(painted, 0, NO_PATTERN))

    def _drawn(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """The poisoned images, bool (N,)."""
        if self.target >= classes:
            raise DataError(
                f"backdoor: target must be the number of a class, from 0 to {classes - 1}, got {self.target}"
            )
        others = np.flatnonzero(labels != self.target)
        count = round(self.rate * len(labels))
        if not 1 <= count <= len(others):
            raise DataError(
                f"backdoor: rate {self.rate} asks for {count} images of other classes than {self.target}, of which the "
                f"set has {len(others)}"
            )
        poisoned = np.zeros(len(labels), dtype=np.bool_)
        poisoned[np.random.default_rng((STREAM, self.seed)).choice(others, count, replace=False)] = True
        return poisoned
