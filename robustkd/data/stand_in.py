"""Placeholders, for planning, of data sets that are not on this machine: sizes and labels without pixels."""

from dataclasses import dataclass

import torch
from torch import Tensor

from robustkd.data.augmentation import CIFAR_AUGMENTATION
from robustkd.data.dataset import Dataset
from robustkd.data.image_set import ImageSet
from robustkd.errors import DataError

CLASSES = {"cifar10": 10, "cifar100": 100}


@dataclass(frozen=True)
class NoImages:
    """Images that have a shape but no pixels.

    Attributes:
        shape: (N, C, H, W).
    """

    shape: tuple[int, int, int, int]

    def read(self, indices: Tensor) -> Tensor:
        """Raise an error, because there are no pixels."""
        raise DataError("this data set is a placeholder for planning and has no images; load the data set itself")

    def subset(self, indices: Tensor) -> "NoImages":
        """Return a placeholder for as many images."""
        return NoImages((len(indices), *self.shape[1:]))

    def fingerprint(self) -> str:
        """Return a constant, because there are no pixels."""
        return "not here"

    def in_memory(self) -> "NoImages":
        """Return itself: there is nothing to read."""
        return self


def stand_in(name: str) -> Dataset | None:
    """Create a data set with the size of a known one and without images.

    Args:
        name: ``cifar10`` or ``cifar100``.

    Returns:
        The data set, with classes of equal size; None if the size of the data set is not known.
    """
    if name not in CLASSES:
        return None
    classes = tuple(map(str, range(CLASSES[name])))
    train, test = (
        ImageSet(NoImages((count, 3, 32, 32)), torch.arange(count) % len(classes), classes)
        for count in (50_000, 10_000)
    )
    return Dataset(name, train, test, CIFAR_AUGMENTATION)
