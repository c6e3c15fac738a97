"""Training images that only the teacher saw: does a student give them away?

Jagielski et al., *Students Parrot Their Teachers* (NeurIPS 2023, arXiv 2303.03446), infer from a student which images
its teacher was trained on, although the student never saw them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from robustkd.data.condition import CONDITIONS, Clean, Condition, Conditioned
from robustkd.errors import DataError

if TYPE_CHECKING:
    from robustkd.data.image_set import ImageSet

STREAM = 2303
"""Keeps the draw of the held-out images apart from other draws of the same seed."""


@CONDITIONS.register("membership")
@dataclass(frozen=True)
class Membership(Condition):
    """A share of the training images is seen by the teacher alone.

    Attributes:
        held_out: The share of the training images that baseline and students are not trained on.
        seed: The seed of the draw; one draw for all trainings.
    """

    name = "membership"

    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.25
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if not 0 < self.held_out < 1:
            raise DataError(f"membership: held_out must be above 0 and below 1, got {self.held_out}")

    @property
    def label(self) -> str:
        """``membership 25% held out``, followed by the seed if it is not 0."""
        return f"membership {100 * self.held_out:g}% held out" + (f" seed {self.seed}" if self.seed else "")

    def for_role(self, role: str) -> Condition:
        """The teacher is trained on all images."""
        return Clean() if role == "teacher" else self

    def apply(self, train: ImageSet, seed: int) -> Conditioned:
        """Hold out some images.

        Args:
            train: The set; not changed.
            seed: Not used: one draw serves all trainings.

        Returns:
            The images that baseline and students are trained on; those held out are only the teacher's.

        Raises:
            DataError: No image would be held out, or none would be left.
        """
        import torch

        count = round(self.held_out * len(train))
        if not 0 < count < len(train):
            raise DataError(f"membership: held_out {self.held_out} holds out {count} of {len(train)} images")
        order = torch.from_numpy(np.random.default_rng((STREAM, self.seed)).permutation(len(train)))
        held_out, indices = order[:count].sort().values, order[count:].sort().values
        images = train.subset(indices)
        return Conditioned(images, images.labels, indices, held_out, train.labels[held_out])
