"""The options of a folder of images."""

from dataclasses import dataclass
from typing import Literal

from robustkd.data.encoded.options import ImageOptions


@dataclass(frozen=True)
class FolderOptions(ImageOptions):
    """How the classes of a folder are numbered, how its files become pixels, and what the columns of its table are.

    Attributes:
        order: The order of the classes: ``natural`` (1, 2, 10), as timm numbers them, or ``name`` (1, 10, 2), as
            torchvision does. By default ``natural`` where all names are whole numbers, otherwise ``name``.
        file: The column of a table with the files.
        label: The column with the classes.
        split: The column with the part of the data set, such as ``train`` and ``test``.
        group: The column with what must not be in training and test images at once, such as the patient.
    """

    order: Literal["name", "natural"] | None = None
    file: str | None = None
    label: str | None = None
    split: str | None = None
    group: str | None = None
