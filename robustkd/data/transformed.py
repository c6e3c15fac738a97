"""Images that are computed from those of another set when they are read.

Only the batch that is read is in memory. The set has a digest without being computed, so that predictions for it are
kept on disk like those for any other set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from robustkd.data.image_set import ImageSet, StreamedImages
from robustkd.errors import DataError

Transform = Callable[[Tensor, Tensor], Tensor]
"""Maps images, uint8 (B, C, H, W), and their indices, int64 (B,) on the CPU, to as many images, uint8, on the same
device. Each image must be a function of the given one and of its index, and of nothing else in the batch: random
numbers come from `image_random.image_generators`."""

CHUNK = 500
"""The number of images that are computed at once to hold all in memory."""


def transformed(
    images: ImageSet, name: str, transform: Transform, settings: Any = None, indices: Tensor | None = None
) -> ImageSet:
    """Return the set of the transformed images, which are computed batch by batch when they are read.

    Args:
        images: The images; they are transformed on the device where they are, so move them there before. Those on disk
            are read ahead as before.
        name: The name of the transform.
        transform: The transform; it may change the number of channels and the size, but not the number of images.
        settings: All that determines the transform besides its name, to be written as JSON: options, seed, the digests
            of other images, and a number that is raised whenever its code gives other images.
        indices: The index of each image that the transform gets, int64 (N,), such as its place in the set that `images`
            is a sample of; by default its place in `images`. A subset of the result keeps these indices.

    Returns:
        The set, with the labels and classes of `images`. Its digest depends on `images`, `name`, `settings` and
        `indices`, not on the code of the transform.

    Raises:
        DataError: The transform does not return uint8 images.
    """
    places = torch.arange(len(images))
    known = places if indices is None else indices.cpu()
    kind = StreamedTransformedImages if isinstance(images.images, StreamedImages) else TransformedImages
    made = kind(images, places, known, name, transform, json.dumps(settings, sort_keys=True), (0, 0, 0))
    shape = tuple(made.read(places[:1]).shape)[1:]
    return replace(images, images=replace(made, image_shape=shape))


@dataclass(frozen=True, eq=False)
class TransformedImages:
    """Transformed images, computed when they are read.

    Attributes:
        source: The set that they are computed from.
        places: The place in `source` of each image, int64 (N,).
        indices: The index of each image of `source` that the transform gets, int64 (len(source),).
        name: The name of the transform.
        transform: The transform.
        settings: What determines it besides its name, as JSON.
        image_shape: (C, H, W) of the transformed images.
    """

    source: ImageSet
    places: Tensor
    indices: Tensor
    name: str
    transform: Transform
    settings: str
    image_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""
        return (len(self.places), *self.image_shape)  # type: ignore[return-value]  # an image has three axes

    def read(self, indices: Tensor) -> Tensor:
        """Transform the images at `indices`, int64 (B,), to uint8 (B, C, H, W)."""
        places = self.places[indices.cpu()]
        return self._transformed(self.source.read(places), places)

    def subset(self, indices: Tensor) -> TransformedImages:
        """Return the images at `indices`, int64 (B,); each is transformed as before."""
        return replace(self, places=self.places[indices.cpu()])

    def fingerprint(self) -> str:
        """A hash of what the images are computed from, and how."""
        return _fingerprint(self._origin(), self.places)

    def in_memory(self) -> ComputedImages:
        """Compute all images."""
        chunks = torch.arange(len(self.places)).split(CHUNK)
        return ComputedImages(torch.cat(list(self._batches(chunks))), self.places, self._origin())

    def _batches(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        return map(self.read, batches)

    def _transformed(self, images: Tensor, places: Tensor) -> Tensor:
        made = self.transform(images, self.indices[places])
        if made.dtype != torch.uint8 or made.ndim != 4 or len(made) != len(images):
            raise DataError(
                f"the transform {self.name} must return an image for each of {len(images)}, uint8 (B, C, H, W), got "
                f"{made.dtype} of shape {tuple(made.shape)}"
            )
        return made

    def _origin(self) -> str:
        named = json.dumps([self.source.digest, self.name, self.settings])
        return hashlib.sha256(named.encode() + self.indices.numpy().tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class StreamedTransformedImages(TransformedImages):
    """Transformed images whose originals are read from disk ahead."""

    def with_workers(self, workers: int | None) -> StreamedTransformedImages:
        """Return the same images, whose originals are read by so many processes."""
        return replace(self, source=self.source.with_workers(workers))

    def stream(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        """Transform the images of each of `batches`, int64 (B,), to uint8 (B, C, H, W)."""
        places = [self.places[batch.cpu()] for batch in batches]
        assert isinstance(self.source.images, StreamedImages)
        for images, read in zip(self.source.images.stream(places), places, strict=True):
            yield self._transformed(images, read)

    def _batches(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        return self.stream(batches)


@dataclass(frozen=True, eq=False)
class ComputedImages:
    """Transformed images in memory, with the fingerprint that they have without being computed.

    Attributes:
        pixels: uint8 (N, C, H, W).
        places: The place of each in the set that they were computed from, int64 (N,).
        origin: A hash of that set and of the transform.
    """

    pixels: Tensor
    places: Tensor
    origin: str

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, C, H, W)."""
        return tuple(self.pixels.shape)  # type: ignore[return-value]  # it has four

    def read(self, indices: Tensor) -> Tensor:
        """Return the images at `indices`, int64 (B,)."""
        return self.pixels[indices.to(self.pixels.device)]

    def subset(self, indices: Tensor) -> ComputedImages:
        """Return the images at `indices`, int64 (B,)."""
        return replace(self, pixels=self.read(indices), places=self.places[indices.cpu()])

    def fingerprint(self) -> str:
        """The fingerprint of these images where they are not computed."""
        return _fingerprint(self.origin, self.places)

    def in_memory(self) -> ComputedImages:
        """Return itself."""
        return self


def _fingerprint(origin: str, places: Tensor) -> str:
    return hashlib.sha256(origin.encode() + places.numpy().tobytes()).hexdigest()
