"""`folder:PATH`: images in one folder per class, read from disk when they are needed."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from robustkd.data.dataset import Dataset
from robustkd.data.encoded.assembling import Part, assembled
from robustkd.data.encoded.options import split_options
from robustkd.data.human_names import human_names
from robustkd.data.loading import DATASETS
from robustkd.data.sources.folder.files import IMAGE_SUFFIXES, Found
from robustkd.data.sources.folder.layout import Split, read_layout
from robustkd.data.sources.folder.options import FolderOptions
from robustkd.data.sources.folder.remarks import file_remarks
from robustkd.data.sources.folder.table import SUFFIXES, Table, read_table
from robustkd.data.sources.folder.tabulated import find_tables, read_tables
from robustkd.errors import DataError


@DATASETS.register("folder:")
def load_folder(path: str, root: Path | None = None) -> Dataset:
    """Load a folder of images lazily, so that it may be larger than memory.

    ``PATH/train/CLASS/*.png`` and ``PATH/test/CLASS/*.png``; or ``PATH/CLASS/*.png`` alone, for evaluation only.
    Without ``test/``, ``val/`` is taken; Tiny-ImageNet is read as it is distributed. Images in subfolders of a class
    belong to it. Hidden and system files are left out. The remarks of the data set name everything that was decided or
    left out.

    Classes are numbered in the order of their names, or of their numbers where all names are whole numbers. Control and
    direction-changing characters of a name are escaped, so that it can be shown anywhere.

    The classes may be in a table instead: ``metadata.csv``, ``.jsonl`` or ``.parquet`` in the folder or in those of its
    parts, as Hugging Face's `imagefolder` has it, or any such file given in place of the folder. Its columns are a file
    (``file_name``; relative to the table), a label, and if wanted a ``split`` and a ``group``, such as the patient,
    that must not be in training and test images at once. Labels that are whole numbers are the numbers of the classes.

    Folders that are named by WordNet identifiers get human names too, from ``words.txt`` or
    ``LOC_synset_mapping.txt`` beside them, or from ImageNet.

    Images become RGB, transparent pixels white. The orientation that a camera stored in EXIF is ignored, as torchvision
    and timm ignore it, so that networks see what they saw in training. Of several pages or frames the first is read.
    Images of different sizes are for evaluation: `rk.evaluate` resizes them as each network needs.

    Options follow the path, each after an ``@``, as in ``PATH@224@exif=apply``:

    * ``@SIZE``: the shorter side is resized to SIZE, then the centre SIZE×SIZE is cut out.
    * ``@squash=SIZE``: images are resized to SIZE×SIZE; their aspect ratio is lost.
    * ``@order=natural`` (1, 2, 10) or ``@order=name`` (1, 10, 2): the order of the classes.
    * ``@exif=apply``: images are turned upright.
    * ``@background=black``: transparent pixels become black.
    * ``@broken=skip``: files that cannot be used are left out and counted; every image is decoded once to find them.
    * ``@file=``, ``@label=``, ``@split=``, ``@group=``: the columns of a table, if they have other names.

    Args:
        path: The folder or the table, with or without options.
        root: Not used.

    Returns:
        The data set.

    Raises:
        DataError: A folder is missing or empty, or images cannot be read; the message names it.
    """
    given, options = split_options(path, FolderOptions)
    place = Path(given).expanduser()
    table = place.suffix.lower() in SUFFIXES and place.is_file()
    if not table and not os.path.isdir(place):
        raise DataError(f"{place}: {'is not a folder' if os.path.exists(place) else 'no such folder'}")
    try:
        return _of_tables(place, [(read_table(place), None)], options) if table else _load(place, options)
    except OSError as error:
        raise DataError(f"{error.filename or place}: cannot be read ({error.strerror or error})") from error


def _load(folder: Path, options: FolderOptions) -> Dataset:
    tables, without_labels = find_tables(folder, options)
    if tables:
        return _of_tables(folder, tables, options)
    layout = read_layout(folder, options.order)
    splits = [split for split in (layout.train, layout.test) if split is not None]
    places = [place for place in (layout.train_folder, layout.test_folder) if place is not None]
    parts = [_listed(place, split, layout.class_names) for place, split in zip(places, splits, strict=True)]
    remarks = (*layout.remarks, *without_labels, *file_remarks(splits, layout.system))
    names = human_names(layout.class_names, folder)
    return assembled(folder.resolve().name, parts[0] if layout.train else None, parts[-1], names, options, remarks)


def _of_tables(place: Path, tables: Sequence[tuple[Table, str | None]], options: FolderOptions) -> Dataset:
    found = read_tables(tables, options)
    folder = place if place.is_dir() else place.parent
    names = human_names(found.class_names, folder)
    return assembled(place.resolve().stem, found.train, found.test, names, options, found.remarks)


def _listed(folder: Path, split: Split, class_names: Sequence[str]) -> Part:
    """The files of a part and their labels."""
    found = [split.get(name, Found()) for name in class_names]
    files = [file for each in found for file in each.images]
    if not files:
        others = Counter(file.suffix.lower() or "no suffix" for each in found for file in each.others)
        held = (
            f", but {', '.join(f'{count:,} of {suffix}' for suffix, count in others.most_common(3))}" if others else ""
        )
        raise DataError(f"{folder}: holds no images ({', '.join(sorted(IMAGE_SUFFIXES))}){held}")
    return Part(files, [label for label, each in enumerate(found) for _ in each.images])
