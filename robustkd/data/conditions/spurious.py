"""A border whose colour tells the class: does a student inherit the shortcut of its teacher?

A feature that predicts the class in training but not in use is a spurious correlation (Geirhos et al., *Shortcut
Learning in Deep Neural Networks*, Nature Machine Intelligence 2020). Here it is a border around the image, with one
colour for each class, as the colours of the digits in Arjovsky et al., *Invariant Risk Minimization* (arXiv
1907.02893). Whether students inherit such biases is asked by Cheng, Agarwal, Amiri (arXiv 2510.26038).
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from robustkd.data.condition import CONDITIONS, Clean, Condition, Conditioned
from robustkd.errors import DataError

if TYPE_CHECKING:
    from robustkd.data.image_set import ImageSet
    from robustkd.data.painting import Painting

STREAM = 1907
"""Keeps the draws of this condition apart from other draws of the same seed."""


@CONDITIONS.register("spurious")
@dataclass(frozen=True)
class Spurious(Condition):
    """A border around training images whose colour, or grey level, tells their class.

    Attributes:
        marked: The networks that are trained on images with a border: only the ``teacher``, so that baseline and
            students never see one; or ``all``.
        rate: The share of the training images that have a border.
        agreement: The share of these whose border is that of their class; the others have that of another class, drawn
            at random.
        width: The width of the border in pixels.
        seed: The seed of both draws; one draw for all trainings.
    """

    name = "spurious"

    marked: Literal["teacher", "all"] = "teacher"
    rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    agreement: Annotated[float, Field(ge=0, le=1)] = 1.0
    width: Annotated[int, Field(ge=1)] = 1
    seed: Annotated[int, Field(ge=0)] = 0

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 1:
            raise DataError(f"spurious: rate must be above 0 and at most 1, got {self.rate}")
        if not 0 <= self.agreement <= 1:
            raise DataError(f"spurious: agreement must be from 0 to 1, got {self.agreement}")

    @property
    def label(self) -> str:
        """``spurious border 50%``, followed by the settings that differ from the defaults."""
        told = [f"spurious border {100 * self.rate:g}%"]
        told += [f"agreement {100 * self.agreement:g}%"] if self.agreement != 1 else []
        told += [f"width {self.width}"] if self.width != 1 else []
        told += ["in all data"] if self.marked == "all" else []
        told += [f"seed {self.seed}"] if self.seed else []
        return " ".join(told)

    def for_role(self, role: str) -> Condition:
        """The teacher's training images have borders; those of the others only if `marked` is ``all``."""
        return self if role == "teacher" or self.marked == "all" else Clean()

    def apply(self, train: ImageSet, seed: int) -> Conditioned:
        """Paint borders around some images.

        Args:
            train: The set; not changed.
            seed: Not used: one draw serves all trainings.

        Returns:
            All images with their labels, some with a border.

        Raises:
            DataError: The border leaves nothing of the images, or there is a single class.
        """
        import torch

        painting = self.painting(train, self._drawn(train))
        none = torch.empty(0, dtype=torch.int64)
        return Conditioned(painting.on(train), train.labels, torch.arange(len(train)), none, none, painting)

    def painting(self, images: ImageSet, chosen: np.ndarray) -> Painting:
        """Return borders around images.

        Args:
            images: The images; only their number and size are used.
            chosen: The class that the border of each image stands for, int64 (N,); −1 for no border.

        Raises:
            DataError: The border leaves nothing of the images.
        """
        from robustkd.data.painting import Painting

        channels, height, width = images.shape
        if 2 * self.width >= min(height, width):
            raise DataError(f"spurious: a border of {self.width} pixels leaves nothing of {width}×{height} images")
        inner = slice(self.width, -self.width)
        mask = np.ones((images.num_classes, height, width), dtype=np.bool_)
        mask[:, inner, inner] = False
        colours = border_colours(images.num_classes, channels)
        patterns = np.broadcast_to(colours[:, :, None, None], (*colours.shape, height, width)).copy()
        return Painting(patterns, mask, chosen.astype(np.int64))

    def other_classes(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """Draw another class for each label, int64 (N,), every other class with the same probability."""
        random = np.random.default_rng((STREAM, self.seed, 1))
        return np.asarray((labels + random.integers(1, classes, len(labels))) % classes, dtype=np.int64)

    def _drawn(self, train: ImageSet) -> np.ndarray:
        """The class that the border of each training image stands for, int64 (N,); −1 for no border."""
        if train.num_classes < 2:
            raise DataError("spurious: a border can only tell classes apart if there are two or more")
        labels = train.labels.cpu().numpy()
        random = np.random.default_rng((STREAM, self.seed))
        bordered = random.random(len(labels)) < self.rate
        agrees = random.random(len(labels)) < self.agreement
        chosen = np.where(agrees, labels, self.other_classes(labels, train.num_classes))
        return np.where(bordered, chosen, -1)


def border_colours(classes: int, channels: int) -> np.ndarray:
    """Return a colour for each class: evenly spaced hues for three channels, evenly spaced grey levels otherwise.

    Args:
        classes: The number of classes K.
        channels: The number of channels C.

    Returns:
        uint8 (K, C).
    """
    if channels == 3:
        hues = [colorsys.hsv_to_rgb(index / classes, 1.0, 1.0) for index in range(classes)]
        return np.rint(255 * np.array(hues)).astype(np.uint8)
    levels = np.rint(np.linspace(0, 255, classes)).astype(np.uint8)
    return np.repeat(levels[:, None], channels, axis=1)
