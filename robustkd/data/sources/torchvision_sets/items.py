"""The images of a set of torchvision, as files or as items that it decodes."""

import inspect
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import torch
from torch import Tensor

from robustkd.data.encoded.assembling import Part
from robustkd.data.encoded.headers import READER_THREADS
from robustkd.data.human_names import human_names


@dataclass(frozen=True)
class Item:
    """An image that torchvision finds and decodes by itself.

    Attributes:
        items: The set.
        index: The number of the image in it.
    """

    items: Any
    index: int

    def open(self, mode: Literal["rb"], /) -> IO[bytes]:
        """Return the pixels as an uncompressed file."""
        image, _ = self.items[self.index]
        encoded = io.BytesIO()
        image.save(encoded, "BMP")
        encoded.seek(0)
        return encoded

    def __str__(self) -> str:
        return f"image {self.index} of {type(self.items).__name__}"


def takes_loader(kind: type) -> bool:
    """Return whether a class of torchvision lets its caller load the files."""
    made = [vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base) and base is not object]
    return any("loader" in inspect.signature(each).parameters for each in made)


def part(items: Any, *, paths: bool) -> Part:
    """Return the images of a set and their labels.

    Args:
        items: The set.
        paths: Whether it gives the path of an image in place of the image.
    """
    if paths:
        given = sorted(items[index] for index in range(len(items)))  # some come in the order of the disk
        return Part([path for path, _ in given], [int(label) for _, label in given])
    with ThreadPoolExecutor(READER_THREADS) as threads:
        labels = list(threads.map(lambda index: int(items[index][1]), range(len(items))))
    return Part([Item(items, index) for index in range(len(items))], labels)


def stacked(items: Any) -> tuple[Tensor, Tensor]:
    """Return all images of a set of small ones, uint8 (N, C, H, W), and their labels, int64 (N,)."""
    given = [items[index] for index in range(len(items))]
    pixels = np.stack([np.asarray(image) for image, _ in given])
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.transpose(0, 3, 1, 2)
    labels = torch.tensor([int(label) for _, label in given], dtype=torch.int64)
    return torch.from_numpy(np.ascontiguousarray(pixels)), labels


def class_names(items: Any, labels: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the classes: torchvision's, if it has one for each label, else their numbers."""
    if wnids := getattr(items, "wnids", None):
        return human_names(wnids, Path(items.root))
    held = next((getattr(items, name) for name in _NAMES if getattr(items, name, None)), None)
    count = max(labels) + 1
    if not isinstance(held, list | tuple) or len(held) < count:
        return tuple(map(str, range(count)))
    return tuple(map(str, held))


_NAMES = ("classes", "categories", "all_categories")
