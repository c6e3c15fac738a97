"""Image files that are decoded when they are needed."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from robustkd.data.encoded.decoding import Decoding
from robustkd.data.encoded.geometry import Geometry
from robustkd.data.encoded.headers import READER_THREADS, Header, refuse_broken
from robustkd.data.encoded.image_file import ImageFile, digest, short_name
from robustkd.data.encoded.streaming import streamed
from robustkd.errors import DataError

CHUNK = 512
"""The number of images that are decoded at once to hold all in memory."""


@dataclass(frozen=True, eq=False)
class EncodedImages:
    """Image files, decoded on demand.

    Attributes:
        files: The files, one for each image.
        headers: What is known of each file before it is decoded.
        height: The height of every image.
        width: The width of every image.
        decoding: How files become pixels.
        photographs: Whether the files differ in size and the networks have not yet said what size they need: a
            preliminary size is used until `fitted`.
        workers: The number of processes that decode a stream of images; 0 for threads of this process, None for one
            process for each core. No pixel depends on it.
    """

    files: tuple[ImageFile, ...]
    headers: tuple[Header, ...]
    height: int
    width: int
    decoding: Decoding
    photographs: bool = False
    workers: int | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, 3, H, W)."""
        return (len(self.files), 3, self.height, self.width)

    def read(self, indices: Tensor) -> Tensor:
        """Decode the images at `indices`, int64 (B,), to uint8 (B, 3, H, W)."""
        with ThreadPoolExecutor(READER_THREADS) as threads:
            return stacked(list(threads.map(self.decode, indices.tolist())))

    def stream(self, batches: Sequence[Tensor]) -> Iterator[Tensor]:
        """Decode batches of images one after another, the next ones while the caller uses the last.

        Args:
            batches: The indices of the images of each batch, int64 (B,).

        Yields:
            uint8 (B, 3, H, W).
        """
        return streamed(self, batches, self.workers)

    def decode(self, index: int) -> Tensor | DataError:
        """Decode one image to uint8 (3, H, W), or return the error that says why that is not possible."""
        file = self.files[index]
        try:
            pixels = self.decoding(file, self.headers[index].orientation)
        except DataError as error:
            return error
        if pixels.shape[1:] != (self.height, self.width):
            return DataError(
                f"{file}: has changed from {self.width}×{self.height} to {pixels.shape[2]}×{pixels.shape[1]}; load the "
                "data set again"
            )
        return pixels

    def subset(self, indices: Tensor) -> "EncodedImages":
        """Return the images at `indices`, int64 (B,)."""
        chosen = indices.tolist()
        return replace(
            self,
            files=tuple(self.files[index] for index in chosen),
            headers=tuple(self.headers[index] for index in chosen),
        )

    def fitted(self, geometry: Geometry) -> "EncodedImages":
        """Return the same files, made one size in another way."""
        return replace(
            self,
            height=geometry.side,
            width=geometry.side,
            decoding=replace(self.decoding, geometry=geometry),
            photographs=False,
        )

    def with_workers(self, workers: int | None) -> "EncodedImages":
        """Return the same images, decoded by so many processes; see `workers`."""
        return replace(self, workers=workers)

    def fingerprint(self) -> str:
        """SHA-256 over the bytes of all files, the size of the images, and what else determines the pixels."""
        return _fingerprint(self.shape, self._digests(), self.decoding.settings())

    def in_memory(self) -> "ReadImages":
        """Decode all images.

        Raises:
            DataError: The files differ in size, and no size was chosen.
        """
        if self.photographs:
            raise DataError("images differ in size: choose one, as in folder:PATH@224, to hold them in memory")
        pixels = torch.empty(self.shape, dtype=torch.uint8)
        chunks = torch.arange(len(self.files)).split(CHUNK)
        for chunk, read in zip(chunks, self.stream(chunks), strict=True):
            pixels[chunk] = read
        return ReadImages(pixels, tuple(self._digests()), self.decoding.settings())

    def keys(self) -> Sequence[bytes]:
        """Return a key for each image; equal files have equal keys, and few others do."""
        return [header.key for header in self.headers]

    def content(self, index: int) -> bytes:
        """Return a digest of a file's bytes; equal only for equal files."""
        return digest(self.files[index])

    def name(self, index: int) -> str:
        """Return a name of an image for sentences."""
        return short_name(self.files[index])

    def _digests(self) -> list[bytes]:
        with ThreadPoolExecutor(READER_THREADS) as threads:
            return list(threads.map(self._digest_of, self.files, self.headers))

    def _digest_of(self, file: ImageFile, header: Header) -> bytes:
        settings = self.decoding.settings_of(file, header.transparent, header.orientation)
        found = digest(file)
        return hashlib.sha256(found + settings.encode()).digest() if settings else found


@dataclass(frozen=True, eq=False)
class ReadImages:
    """Decoded image files, for machines that do not have the files.

    Attributes:
        pixels: uint8 (N, 3, H, W).
        digests: SHA-256 of each file.
        settings: What else determines the pixels.
    """

    pixels: Tensor
    digests: tuple[bytes, ...]
    settings: str = ""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, 3, H, W)."""
        return tuple(self.pixels.shape)  # type: ignore[return-value]  # it has four

    def read(self, indices: Tensor) -> Tensor:
        """Return the images at `indices`, int64 (B,)."""
        return self.pixels[indices.cpu()]

    def subset(self, indices: Tensor) -> "ReadImages":
        """Return the images at `indices`, int64 (B,)."""
        digests = tuple(self.digests[index] for index in indices.tolist())
        return replace(self, pixels=self.pixels[indices.cpu()], digests=digests)

    def fingerprint(self) -> str:
        """The fingerprint of the files, so that trainings on them continue with these images."""
        return _fingerprint(self.shape, self.digests, self.settings)

    def in_memory(self) -> "ReadImages":
        """Return itself."""
        return self


def stacked(decoded: Sequence[Tensor | DataError]) -> Tensor:
    """Stack decoded images, (B, 3, H, W); one error counts all that could not be decoded."""
    refuse_broken([image for image in decoded if isinstance(image, DataError)], len(decoded))
    return torch.stack([image for image in decoded if isinstance(image, Tensor)])


def _fingerprint(shape: tuple[int, ...], digests: Iterable[bytes], settings: str) -> str:
    return hashlib.sha256(repr(shape).encode() + b"".join(digests) + settings.encode()).hexdigest()
