"""Images that are exact copies of others."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor

from robustkd.data.image_set import ImageSet


@runtime_checkable
class Comparable(Protocol):
    """Images on disk that can be compared without decoding them."""

    def keys(self) -> Sequence[bytes]:
        """A key for each image; equal images have equal keys, and few others do."""

    def content(self, index: int) -> bytes:
        """A digest of the image at `index`; equal only for equal images."""


def copies_in_training(train: ImageSet, test: ImageSet) -> list[tuple[int, int]]:
    """Find test images that are exact copies of training images.

    Args:
        train: The training images.
        test: The test images.

    Returns:
        For each such test image its index, and that of the first training image it is equal to.
    """
    known, keys = _keys(train), _keys(test)
    common = set(known) & set(keys)
    first: dict[bytes, int] = {}
    for index, key in enumerate(known):
        if key in common:
            first.setdefault(_content(train, index, key), index)
    found = [(index, first.get(_content(test, index, key))) for index, key in enumerate(keys) if key in common]
    return [(index, copied) for index, copied in found if copied is not None]


def copies_in_test(test: ImageSet) -> list[tuple[int, int]]:
    """Find test images that are exact copies of earlier test images.

    Args:
        test: The test images.

    Returns:
        For each such image its index, and that of the first image it is equal to.
    """
    keys = _keys(test)
    counts = Counter(keys)
    first: dict[bytes, int] = {}
    repeated = [(index, _content(test, index, key)) for index, key in enumerate(keys) if counts[key] > 1]
    found = [(index, first.setdefault(content, index)) for index, content in repeated]
    return [(index, copied) for index, copied in found if copied != index]


def _keys(images: ImageSet) -> Sequence[bytes]:
    """A key for each image; none for images on disk that cannot be compared."""
    if isinstance(images.images, Tensor):
        return images.hashes
    return images.images.keys() if isinstance(images.images, Comparable) else []


def _content(images: ImageSet, index: int, key: bytes) -> bytes:
    return images.images.content(index) if isinstance(images.images, Comparable) else key
