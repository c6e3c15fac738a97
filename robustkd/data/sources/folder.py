"""`folder:PATH`: images in one folder per class, read from disk when they are needed."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from robustkd.data.dataset import Dataset
from robustkd.data.image_set import ImageSet
from robustkd.data.loading import DATASETS
from robustkd.errors import DataError, printable

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"})
READER_THREADS = 8
CHUNK = 1024
"""The number of images that are decoded at once."""

_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16L", "I;16B", "I;16N"})
_UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


@DATASETS.register("folder:")
def load_folder(path: str, root: Path | None = None) -> Dataset:
    """Load a folder of images lazily, so that it may be larger than memory.

    ``PATH/train/CLASS/*.png`` and ``PATH/test/CLASS/*.png``; or ``PATH/CLASS/*.png`` alone, for evaluation only.
    Classes are numbered in the order of their names; control and direction-changing characters of a name are escaped,
    so that it can be shown anywhere. Images become RGB. Images of different sizes need
    ``PATH@SIZE``: the shorter side is resized to SIZE, then the centre SIZE×SIZE is cut out.

    Args:
        path: The folder, with or without ``@SIZE``.
        root: Not used.

    Returns:
        The data set.

    Raises:
        DataError: A folder is missing or empty, sizes differ, or an image cannot be read; the message names it.
    """
    folder, size = _split_size(path)
    title = printable(folder.resolve().name)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    if not (folder / "test").is_dir():
        if (folder / "train").is_dir():
            raise DataError(f"{folder}: has train/ but no test/")
        return Dataset(title, None, _read_split(folder, _class_names(folder), size))
    names = _class_names(folder / ("train" if (folder / "train").is_dir() else "test"))
    train = _read_split(folder / "train", names, size) if (folder / "train").is_dir() else None
    return Dataset(title, train, _read_split(folder / "test", names, size))


@dataclass(frozen=True, eq=False)
class FolderImages:
    """Image files, decoded on demand.

    Attributes:
        files: The files, one for each image.
        height: The height of every image.
        width: The width of every image.
        resize: Whether images are resized to this size; otherwise they must have it.
    """

    files: tuple[Path, ...]
    height: int
    width: int
    resize: bool

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, 3, H, W)."""
        return (len(self.files), 3, self.height, self.width)

    def read(self, indices: Tensor) -> Tensor:
        """Decode the images at `indices`, int64 (B,), to uint8 (B, 3, H, W)."""
        files = [self.files[index] for index in indices.tolist()]
        with ThreadPoolExecutor(READER_THREADS) as threads:
            return torch.stack(list(threads.map(self._decode, files)))

    def subset(self, indices: Tensor) -> "FolderImages":
        """Return the images at `indices`, int64 (B,)."""
        return replace(self, files=tuple(self.files[index] for index in indices.tolist()))

    def fingerprint(self) -> str:
        """SHA-256 over the bytes of all files and the size of the images."""
        return _fingerprint(self.shape, self._digests())

    def in_memory(self) -> "ReadImages":
        """Decode all images."""
        pixels = torch.empty(self.shape, dtype=torch.uint8)
        for chunk in torch.arange(len(self.files)).split(CHUNK):
            pixels[chunk] = self.read(chunk)
        return ReadImages(pixels, tuple(self._digests()))

    def _digests(self) -> list[bytes]:
        with ThreadPoolExecutor(READER_THREADS) as threads:
            return list(threads.map(lambda file: hashlib.sha256(file.read_bytes()).digest(), self.files))

    def _decode(self, file: Path) -> Tensor:
        try:
            with Image.open(file) as image:
                if image.mode in _DEEP_MODES:
                    raise DataError(
                        f"{file}: has more than 8 bits per channel (mode {image.mode}); convert it to 8 bits"
                    )
                rgb = image.convert("RGB")
        except _UNREADABLE as error:
            raise _broken(file, error) from error
        if self.resize:
            rgb = ImageOps.fit(rgb, (self.width, self.height), Image.Resampling.BICUBIC)
        if rgb.size != (self.width, self.height):
            raise DataError(
                f"{file}: has changed from {self.width}×{self.height} to {_times(rgb.size)}; load the data set again"
            )
        return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)


@dataclass(frozen=True, eq=False)
class ReadImages:
    """Decoded image files, for machines that do not have the files.

    Attributes:
        pixels: uint8 (N, 3, H, W).
        digests: SHA-256 of each file.
    """

    pixels: Tensor
    digests: tuple[bytes, ...]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, 3, H, W)."""
        return tuple(self.pixels.shape)  # type: ignore[return-value]  # it has four

    def read(self, indices: Tensor) -> Tensor:
        """Return the images at `indices`, int64 (B,)."""
        return self.pixels[indices.cpu()]

    def subset(self, indices: Tensor) -> "ReadImages":
        """Return the images at `indices`, int64 (B,)."""
        return ReadImages(self.pixels[indices.cpu()], tuple(self.digests[index] for index in indices.tolist()))

    def fingerprint(self) -> str:
        """The fingerprint of the files, so that trainings on them continue with these images."""
        return _fingerprint(self.shape, self.digests)

    def in_memory(self) -> "ReadImages":
        """Return itself."""
        return self


def _fingerprint(shape: tuple[int, ...], digests: Iterable[bytes]) -> str:
    return hashlib.sha256(repr(shape).encode() + b"".join(digests)).hexdigest()


def _split_size(path: str) -> tuple[Path, int | None]:
    head, at, tail = path.rpartition("@")
    if at and tail.isdecimal() and int(tail) > 0:
        return Path(head).expanduser(), int(tail)
    return Path(path).expanduser(), None


def _class_names(folder: Path) -> tuple[str, ...]:
    names = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")))
    if not names:
        raise DataError(f"{folder}: holds no class folders (expected {folder}/CLASS/image.png)")
    return names


def _read_split(folder: Path, class_names: tuple[str, ...], size: int | None) -> ImageSet:
    unknown = sorted(set(_class_names(folder)) - set(class_names))
    if unknown:
        raise DataError(f"{folder}: class folder {unknown[0]!r} is not among the training classes")
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(class_names):
        found = _images_in(folder / name)
        files += found
        labels += [label] * len(found)
    if not files:
        raise DataError(f"{folder}: holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
    width, height = (size, size) if size is not None else _common_size(files)
    images = FolderImages(tuple(files), height, width, resize=size is not None)
    return ImageSet(images, torch.tensor(labels), tuple(map(printable, class_names)))


def _common_size(files: list[Path]) -> tuple[int, int]:
    with ThreadPoolExecutor(READER_THREADS) as threads:
        sizes = list(threads.map(_size_of, files))
    other = next((index for index, size in enumerate(sizes) if size != sizes[0]), None)
    if other is not None:
        raise DataError(
            f"images differ in size: {files[0]} is {_times(sizes[0])} (width×height), {files[other]} is "
            f"{_times(sizes[other])}; resize all to one size with folder:PATH@{min(sizes[0])}"
        )
    return sizes[0]


def _images_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)


def _size_of(file: Path) -> tuple[int, int]:
    try:
        with Image.open(file) as image:
            return image.size
    except _UNREADABLE as error:
        raise _broken(file, error) from error


def _broken(file: Path, error: Exception) -> DataError:
    return DataError(f"{file}: not a readable image ({error}); remove or replace it")


def _times(size: tuple[int, int]) -> str:
    return f"{size[0]}×{size[1]}"
