"""`folder:PATH`: images in one folder per class, read from disk when they are needed."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from robustkd.data.dataset import Dataset
from robustkd.data.image_set import ImageSet
from robustkd.data.loading import DATASETS
from robustkd.data.sources.folder.decoding import Decoding
from robustkd.data.sources.folder.files import IMAGE_SUFFIXES, Found
from robustkd.data.sources.folder.geometry import Cut, Geometry, Squash, StandardEvaluation
from robustkd.data.sources.folder.headers import TURNED, Header, read_headers
from robustkd.data.sources.folder.images import FolderImages
from robustkd.data.sources.folder.layout import Split, read_layout
from robustkd.data.sources.folder.options import FolderOptions, split_options
from robustkd.data.sources.folder.remarks import file_remarks, pixel_remarks
from robustkd.errors import DataError, printable

PRELIMINARY = StandardEvaluation(resize=256, crop=224, interpolation="bicubic", side=224)
"""The transform of images of many sizes until the networks say what they need: ImageNet's usual one."""


@DATASETS.register("folder:")
def load_folder(path: str, root: Path | None = None) -> Dataset:
    """Load a folder of images lazily, so that it may be larger than memory.

    ``PATH/train/CLASS/*.png`` and ``PATH/test/CLASS/*.png``; or ``PATH/CLASS/*.png`` alone, for evaluation only.
    Without ``test/``, ``val/`` is taken; Tiny-ImageNet is read as it is distributed. Images in subfolders of a class
    belong to it. Hidden and system files are left out. The remarks of the data set name everything that was decided or
    left out.

    Classes are numbered in the order of their names, or of their numbers where all names are whole numbers. Control and
    direction-changing characters of a name are escaped, so that it can be shown anywhere.

    Images become RGB, transparent pixels white. The orientation that a camera stored in EXIF is ignored, as torchvision
    and timm ignore it, so that networks see what they saw in training. Of several pages or frames the first is read.
    Images of different sizes are for evaluation: `rk.evaluate` resizes them as each network needs.

    Options follow the path, each after an ``@``, as in ``PATH@224@exif=apply``:

    * ``@SIZE``: the shorter side is resized to SIZE, then the centre SIZE×SIZE is cut out.
    * ``@squash=SIZE``: images are resized to SIZE×SIZE; their aspect ratio is lost.
    * ``@order=natural`` (1, 2, 10) or ``@order=name`` (1, 10, 2): the order of the classes.
    * ``@exif=apply``: images are turned upright.
    * ``@background=black``: transparent pixels become black.

    Args:
        path: The folder, with or without options.
        root: Not used.

    Returns:
        The data set.

    Raises:
        DataError: A folder is missing or empty, or images cannot be read; the message names it.
    """
    folder, options = split_options(path)
    if not os.path.isdir(folder):
        raise DataError(f"{folder}: {'is not a folder' if os.path.exists(folder) else 'no such folder'}")
    try:
        return _load(folder, options)
    except OSError as error:
        raise DataError(f"{error.filename or folder}: cannot be read ({error.strerror or error})") from error


def _load(folder: Path, options: FolderOptions) -> Dataset:
    layout = read_layout(folder, options.order)
    splits = [split for split in (layout.train, layout.test) if split is not None]
    places = [place for place in (layout.train_folder, layout.test_folder) if place is not None]
    listed = [_listed(place, split, layout.class_names) for place, split in zip(places, splits, strict=True)]
    headers = [read_headers(files) for files, _ in listed]
    names = tuple(map(printable, layout.class_names))
    geometry, photographs = _geometry(options, [header for each in headers for header in each])
    decoding = Decoding(geometry, options.exif, options.background)
    sets = [
        ImageSet(_images(files, known, decoding, photographs), torch.tensor(labels), names)
        for (files, labels), known in zip(listed, headers, strict=True)
    ]
    every = [header for each in headers for header in each]
    remarks = (*layout.remarks, *file_remarks(splits, layout.system), *pixel_remarks(every, decoding))
    return Dataset(printable(folder.resolve().name), sets[0] if layout.train else None, sets[-1], remarks=remarks)


def _listed(folder: Path, split: Split, class_names: Sequence[str]) -> tuple[list[Path], list[int]]:
    """The files of a part and their labels."""
    found = [split.get(name, Found()) for name in class_names]
    files = [file for each in found for file in each.images]
    if not files:
        others = Counter(file.suffix.lower() or "no suffix" for each in found for file in each.others)
        held = (
            f", but {', '.join(f'{count:,} of {suffix}' for suffix, count in others.most_common(3))}" if others else ""
        )
        raise DataError(f"{folder}: holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}){held}")
    return files, [label for label, each in enumerate(found) for _ in each.images]


def _geometry(options: FolderOptions, headers: Sequence[Header]) -> tuple[Geometry | None, bool]:
    """How images become one size, and whether that is preliminary."""
    if options.size is not None:
        return Cut(options.size), False
    if options.squash is not None:
        return Squash(options.squash), False
    several = len({_size(header, options.exif) for header in headers}) > 1
    return (PRELIMINARY, True) if several else (None, False)


def _images(files: Sequence[Path], headers: Sequence[Header], decoding: Decoding, photographs: bool) -> FolderImages:
    geometry = decoding.geometry
    width, height = _size(headers[0], decoding.exif) if geometry is None else (geometry.side, geometry.side)
    return FolderImages(tuple(files), tuple(headers), height, width, decoding, photographs)


def _size(header: Header, exif: str) -> tuple[int, int]:
    turned = exif == "apply" and header.orientation in TURNED
    return header.size[::-1] if turned else header.size
