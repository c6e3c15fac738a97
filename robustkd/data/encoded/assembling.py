"""From image files and their labels to a data set."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch

from robustkd.data.dataset import Dataset
from robustkd.data.encoded.decoding import Decoding
from robustkd.data.encoded.geometry import Cut, Geometry, Squash, StandardEvaluation
from robustkd.data.encoded.headers import READER_THREADS, TURNED, Header, read_headers, refuse_broken
from robustkd.data.encoded.image_file import ImageFile
from robustkd.data.encoded.images import EncodedImages
from robustkd.data.encoded.options import ImageOptions
from robustkd.data.encoded.remarks import pixel_remarks
from robustkd.data.image_set import ImageSet
from robustkd.errors import DataError, printable

PRELIMINARY = StandardEvaluation(resize=256, crop=224, interpolation="bicubic", side=224)
"""The transform of images of many sizes until the networks say what they need: ImageNet's usual one."""


@dataclass(frozen=True)
class Part:
    """The training or the test images.

    Attributes:
        files: The files.
        labels: Their labels.
        groups: The group of each, empty where it has none; None if no groups are stated.
    """

    files: Sequence[ImageFile]
    labels: Sequence[int]
    groups: Sequence[str] | None = None


@dataclass(frozen=True)
class _Known:
    """The files of a part that can be used, with their headers, labels and groups, and why others cannot be."""

    files: tuple[ImageFile, ...]
    headers: tuple[Header, ...]
    labels: tuple[int, ...]
    groups: tuple[str, ...] | None
    problems: tuple[DataError, ...]


def assembled(
    name: str,
    train: Part | None,
    test: Part,
    class_names: Sequence[str],
    options: ImageOptions,
    remarks: Sequence[str] = (),
) -> Dataset:
    """Make a data set of image files, which are decoded when they are needed.

    Args:
        name: The name of the data set.
        train: The training images, if there are any.
        test: The test images.
        class_names: One name for each class.
        options: How files become pixels.
        remarks: What a reader must know of the files.

    Returns:
        The data set. Control and direction-changing characters of the names are escaped.

    Raises:
        DataError: Files cannot be used and are not to be left out; the message counts them and names the first.
    """
    parts = [_known(part, options.broken) for part in (train, test) if part is not None]
    headers = [header for part in parts for header in part.headers]
    geometry, photographs = _geometry(options, headers)
    decoding = Decoding(geometry, options.exif, options.background)
    names = tuple(map(printable, class_names))
    sets = [
        ImageSet(
            _images(part, decoding, photographs),
            torch.tensor(part.labels, dtype=torch.int64),
            names,
            groups=part.groups,
        )
        for part in parts
    ]
    said = (*remarks, *_left_out(parts), *pixel_remarks(headers, decoding))
    return Dataset(printable(name), sets[0] if train is not None else None, sets[-1], remarks=said)


def _known(part: Part, broken: str) -> _Known:
    read = read_headers(part.files)
    if broken == "skip":
        with ThreadPoolExecutor(READER_THREADS) as threads:  # Pillow decodes without Python's lock
            read = list(threads.map(_decodable, part.files, read))
    problems = tuple(header for header in read if isinstance(header, DataError))
    kept = [(index, header) for index, header in enumerate(read) if isinstance(header, Header)]
    if broken == "refuse" or not kept:
        refuse_broken(problems, len(read))
    return _Known(
        tuple(part.files[index] for index, _ in kept),
        tuple(header for _, header in kept),
        tuple(part.labels[index] for index, _ in kept),
        None if part.groups is None else tuple(printable(part.groups[index]) for index, _ in kept),
        problems,
    )


def _decodable(file: ImageFile, header: Header | DataError) -> Header | DataError:
    """The header, or the error that says why the image cannot be decoded."""
    if isinstance(header, Header):
        try:
            Decoding()(file)
        except DataError as error:
            return error
    return header


def _left_out(parts: Sequence[_Known]) -> tuple[str, ...]:
    problems = [problem for part in parts for problem in part.problems]
    if not problems:
        return ()
    count = len(problems) + sum(len(part.files) for part in parts)
    said = f"image files cannot be used and {'is' if len(problems) == 1 else 'are'} left out"
    first = printable(str(problems[0])).partition("; ")[0]
    return (f"{len(problems):,} of {count:,} {said}; the first: {first}",)


def _geometry(options: ImageOptions, headers: Sequence[Header]) -> tuple[Geometry | None, bool]:
    """How images become one size, and whether that is preliminary."""
    if options.size is not None:
        return Cut(options.size), False
    if options.squash is not None:
        return Squash(options.squash), False
    several = len({_size(header, options.exif) for header in headers}) > 1
    return (PRELIMINARY, True) if several else (None, False)


def _images(part: _Known, decoding: Decoding, photographs: bool) -> EncodedImages:
    geometry = decoding.geometry
    width, height = _size(part.headers[0], decoding.exif) if geometry is None else (geometry.side, geometry.side)
    return EncodedImages(part.files, part.headers, height, width, decoding, photographs)


def _size(header: Header, exif: str) -> tuple[int, int]:
    turned = exif == "apply" and header.orientation in TURNED
    return header.size[::-1] if turned else header.size
