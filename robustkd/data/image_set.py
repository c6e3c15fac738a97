"""Images with labels, in memory or on disk."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from robustkd.data.ahead import one_ahead
from robustkd.data.shared_memory import moved, selected
from robustkd.errors import DataError


class LazyImages(Protocol):
    """Images that stay on disk until they are read."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""

    def read(self, indices: Tensor) -> Tensor:
        """The images at `indices`, int64 (B,), as uint8 (B, C, H, W)."""

    def subset(self, indices: Tensor) -> "LazyImages":
        """The images at `indices`, int64 (B,), in that order."""

    def fingerprint(self) -> str:
        """A hash of the content of all images."""

    def in_memory(self) -> "LazyImages":
        """The same images with the same fingerprint, in memory."""


@runtime_checkable
class StreamedImages(LazyImages, Protocol):
    """Images on disk that are read ahead, by several processes."""

    def with_workers(self, workers: int | None) -> "StreamedImages":
        """The same images, read by so many processes."""

    def stream(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        """The images of each of `batches`, int64 (B,), as uint8 (B, C, H, W), read before they are asked for."""


@dataclass(frozen=True, eq=False, repr=False)
class ImageSet:
    """Images and their labels.

    Attributes:
        images: uint8 (N, C, H, W), pixel values 0 to 255, or a `LazyImages`.
        labels: int64 (N,), values from 0 to the number of classes minus 1.
        class_names: One name for each class.
        origins: The index of each image in the whole set that this one is a part of, int64 (N,); None for a whole set.
        groups: The group of each image, such as a patient or a hospital, empty where it has none; None if the source of
            the images states no groups.

    Raises:
        DataError: The shapes, types or labels do not fit each other.

    >>> import robustkd as rk
    >>> images = rk.load_dataset("digits").test
    >>> images
    ImageSet(500 images, 10 classes, 1×8×8)
    >>> images.pixels(0, 2).shape
    torch.Size([2, 1, 8, 8])
    """

    images: Tensor | LazyImages
    labels: Tensor
    class_names: tuple[str, ...]
    origins: Tensor | None = None
    groups: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        if len(shape) != 4:
            raise DataError(f"images must have shape (N, C, H, W), got {shape}")
        if isinstance(self.images, Tensor) and self.images.dtype != torch.uint8:
            raise DataError(f"images must be uint8, got {self.images.dtype}")
        if self.labels.shape != (shape[0],) or self.labels.dtype != torch.int64:
            raise DataError(
                f"labels must be int64 of shape ({shape[0]},), one for each image, "
                f"got {self.labels.dtype} of shape {tuple(self.labels.shape)}"
            )
        if shape[0] == 0:
            raise DataError("a set of images must have at least one image")
        low, high = int(self.labels.min()), int(self.labels.max())
        if low < 0 or high >= len(self.class_names):
            wrong = low if low < 0 else high
            raise DataError(
                f"label {wrong} is out of range: with {len(self.class_names)} classes "
                f"labels go from 0 to {len(self.class_names) - 1}"
            )
        if self.groups is not None and len(self.groups) != shape[0]:
            raise DataError(f"groups must be {shape[0]} names, one for each image, got {len(self.groups)}")

    def __len__(self) -> int:
        return int(self.labels.shape[0])

    def __repr__(self) -> str:
        size = "×".join(map(str, self.shape))
        return f"ImageSet({len(self)} images, {self.num_classes} classes, {size})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        return tuple(self.images.shape)[1:]  # type: ignore[return-value]  # a slice of four is three

    @property
    def num_classes(self) -> int:
        """The number of classes, including those without images."""
        return len(self.class_names)

    @property
    def photographs(self) -> bool:
        """Whether the images differ in size on disk, and no size was chosen for them."""
        return bool(getattr(self.images, "photographs", False))

    def read(self, indices: Tensor) -> Tensor:
        """Return some images.

        Args:
            indices: The indices of the images, int64 (B,).

        Returns:
            uint8 (B, C, H, W), on the device of the images.
        """
        if isinstance(self.images, Tensor):
            return self.images[indices.to(self.images.device)]
        return self.images.read(indices)

    def pixels(self, start: int, stop: int, device: torch.device | str = "cpu") -> Tensor:
        """Return consecutive images as the input of a network.

        Args:
            start: The index of the first image.
            stop: The index after the last image.
            device: The device of the pixels.

        Returns:
            float32 (B, C, H, W) in [0, 1].
        """
        stop = min(stop, len(self))
        # a slice needs no indices, which a GPU would have to wait for
        images = self.images[start:stop] if isinstance(self.images, Tensor) else self.read(torch.arange(start, stop))
        return to_pixels(images.to(device))

    def read_batches(self, batch_size: int) -> Iterator[Tensor]:
        """Read all images in order; those on disk are decoded by other processes while the last batch is used.

        Args:
            batch_size: The number of images in a batch; the last one may have fewer.

        Yields:
            uint8 (B, C, H, W), on the device of the images.
        """
        if isinstance(self.images, Tensor):
            yield from self.images.split(batch_size)
            return
        batches = torch.arange(len(self)).split(batch_size)
        yield from self.images.stream(batches) if isinstance(self.images, StreamedImages) else map(self.read, batches)

    def pixel_batches(self, batch_size: int, device: torch.device | str = "cpu") -> Iterator[Tensor]:
        """Read all images in order as the input of a network; see `read_batches`.

        Args:
            batch_size: The number of images in a batch; the last one may have fewer.
            device: The device of the pixels.

        Yields:
            float32 (B, C, H, W) in [0, 1].
        """
        pixels = (to_pixels(batch.to(device)) for batch in self.read_batches(batch_size))
        # only a CPU has time to gain, and a thread would leave the CUDA stream of its caller
        ahead = isinstance(self.images, StreamedImages) and torch.device(device).type == "cpu"
        yield from one_ahead(pixels) if ahead else pixels

    def with_workers(self, workers: int | None) -> "ImageSet":
        """Choose how many processes decode images that are on disk.

        Args:
            workers: The number; 0 for threads of this process, None for one process for each core.
        """
        if not isinstance(self.images, StreamedImages):
            return self
        return replace(self, images=self.images.with_workers(workers))

    def to(self, device: torch.device | str) -> "ImageSet":
        """Move labels and images to a device, where all sets of these images share them; images on disk stay there."""
        images = moved(self.images, device) if isinstance(self.images, Tensor) else self.images
        return replace(self, images=images, labels=self.labels.to(device))

    def in_memory(self) -> "ImageSet":
        """Read images that are on disk, so that the set can be sent to machines without that disk."""
        return self if isinstance(self.images, Tensor) else replace(self, images=self.images.in_memory())

    def subset(self, indices: Tensor) -> "ImageSet":
        """Return the set of the images at `indices`, int64 (B,), in that order; equal subsets share their images."""
        images = selected(self.images, indices) if isinstance(self.images, Tensor) else self.images.subset(indices)
        chosen = indices.cpu()
        origins = chosen if self.origins is None else self.origins[chosen]
        groups = None if self.groups is None else tuple(self.groups[index] for index in chosen.tolist())
        return replace(self, images=images, labels=self.labels[indices], origins=origins, groups=groups)

    def sample_indices(self, count: int | None, seed: int = 0) -> Tensor:
        """Draw images without replacement.

        Args:
            count: The number of images; None, or more than N, for all.
            seed: The seed of the draw.

        Returns:
            The indices of the images, int64 (min(count, N),), in ascending order.
        """
        if count is None or count >= len(self):
            return torch.arange(len(self))
        return torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))[:count].sort().values

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the pixels and labels, and over nothing else."""
        hasher = hashlib.sha256(repr(tuple(self.images.shape)).encode())
        if isinstance(self.images, Tensor):
            hasher.update(np.ascontiguousarray(self.images.cpu().numpy()).data)
        else:
            hasher.update(self.images.fingerprint().encode())
        hasher.update(self.labels.cpu().numpy().tobytes())
        return hasher.hexdigest()

    @cached_property
    def hashes(self) -> list[bytes]:
        """A digest of each image in memory, 16 bytes; two equal ones are the same image."""
        if not isinstance(self.images, Tensor):
            raise TypeError("only images in memory have hashes")
        pixels = self.images.cpu().reshape(len(self), -1).numpy()
        return [hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest() for image in pixels]


def to_pixels(images: Tensor) -> Tensor:
    """Convert uint8 images, 0 to 255, to float32 pixels in [0, 1], the same on every device.

    Args:
        images: uint8, any shape.

    Returns:
        float32, the same shape and memory format.
    """
    if images.device.type == "cpu":
        return images.to(torch.float32).div_(255)
    # A GPU may multiply by the reciprocal instead of dividing, which rounds some of the 256 values differently. On the
    # CPU the division is at least three times as fast as a lookup.
    return _table_on(images.device)[images.int()]


def pixel_table() -> Tensor:
    """Return the 256 values that a pixel can have, float32, as a CPU divides them."""
    return torch.arange(256, dtype=torch.float32).div_(255)


@cache
def _table_on(device: torch.device) -> Tensor:
    return pixel_table().to(device)
