"""`hf:ORG/NAME` and `hf:PATH`: data sets of the Hugging Face hub, or in their formats on disk, through `datasets`."""

import contextlib
import io
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from robustkd.data.class_numbers import NumberedClasses, numbered
from robustkd.data.dataset import Dataset
from robustkd.data.encoded.assembling import Part, assembled
from robustkd.data.encoded.image_file import ImageFile
from robustkd.data.encoded.options import ImageOptions, split_options
from robustkd.data.loading import DATASETS
from robustkd.errors import DataError, nearest, printable

SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "test": ("test", "testing", "validation", "valid", "val"),
}
"""The names of the splits for each part, the first that there is."""

LABELS = ("label", "labels", "class", "target")
"""The names of columns with classes, the most usual first, for data sets that have several or do not mark them."""


@dataclass(frozen=True)
class HubOptions(ImageOptions):
    """The options of data sets of the hub.

    Attributes:
        config: The configuration of a data set that has several.
        image: The column with the images.
        label: The column with the classes.
        train: The split to train on.
        test: The split to evaluate on.
    """

    config: str | None = None
    image: str | None = None
    label: str | None = None
    train: str | None = None
    test: str | None = None


@dataclass(frozen=True)
class Row:
    """The image in a row of a table.

    Attributes:
        rows: The images, not decoded.
        index: The number of the row.
        split: The name of the split, for messages.
        column: The name of the column.
    """

    rows: Any
    index: int
    split: str
    column: str

    def open(self, mode: Literal["rb"], /) -> IO[bytes]:
        """Open the image, which is in the table or in a file beside it."""
        image = self.rows[self.index][self.column]
        return io.BytesIO(image["bytes"]) if image["bytes"] is not None else open(image["path"], mode)

    def __str__(self) -> str:
        return f"{self.split}[{self.index}]"


@DATASETS.register("hf:")
def load_hub(path: str, root: Path | None = None) -> Dataset:
    """Load a data set of the Hugging Face hub, or a folder on disk in one of its formats.

    A folder is one that ``save_to_disk`` wrote, or one with files that `datasets` reads, such as Parquet. The columns
    are found by their types: one column of images, and one of class labels, else one that is named ``label``. Training
    and test images are the splits ``train`` and ``test``; without labelled test images ``validation`` is taken, and one
    split alone is for evaluation.

    Options follow, as in ``hf:uoft-cs/cifar100@label=fine_label``: ``@config=``, ``@image=``, ``@label=``, ``@train=``
    and ``@test=`` (the splits), and those of ``folder:PATH`` for the pixels. No code of a repository is executed.

    Needs the extra ``hub``.

    Args:
        path: The repository or the folder, with or without options.
        root: Not used: `datasets` has a cache of its own.

    Returns:
        The data set.

    Raises:
        DataError: There is no such data set, or no column of images or labels; the message names it.
    """
    name, options = split_options(path, HubOptions)
    splits = _read(name, options)
    train, test, said = _parts(name, splits, options)
    columns = _image_column(name, splits[test], options.image), _label_column(name, splits[test], options.label)
    parts = [(each, splits[each]) for each in (train, test) if each is not None]
    classes = _classes(name, parts, columns[1], trained=train is not None)
    files = [_files(rows, each, columns[0]) for each, rows in parts]
    learned = Part(files[0], classes.labels[: len(files[0])]) if train is not None else None
    judged = Part(files[-1], classes.labels[-len(files[-1]) :])
    called = Path(name).expanduser().resolve().name
    return assembled(called, learned, judged, classes.names, options, (*said, *classes.remarks))


def _read(name: str, options: HubOptions) -> Mapping[str, Any]:
    """The splits of a data set, by name."""
    try:
        import datasets
    except ImportError as error:
        raise DataError(f"hf:{name}: needs the package datasets: pip install 'robustkd[hub]'") from error
    folder = Path(name).expanduser()
    try:
        with _quiet(datasets):
            if any((folder / mark).is_file() for mark in ("dataset_dict.json", "state.json")):
                found = datasets.load_from_disk(str(folder))
            else:
                found = datasets.load_dataset(str(folder) if folder.is_dir() else name, options.config)
    except Exception as error:  # of the network, the hub, the formats and the disk
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        hint = "; add @config=NAME" if "config" in reason.lower() and options.config is None else ""
        raise DataError(f"hf:{name}: cannot be loaded ({reason}){hint}") from error
    return found if isinstance(found, Mapping) else {"test": found}


@contextlib.contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """Show no progress bars where nobody would see them move, and no line for each of several attempts."""
    shown, attempts = datasets.is_progress_bar_enabled(), logging.getLogger("huggingface_hub")
    before = attempts.level
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    attempts.setLevel(logging.ERROR)
    try:
        yield
    finally:
        attempts.setLevel(before)
        if shown:
            datasets.enable_progress_bars()


def _parts(name: str, splits: Mapping[str, Any], options: HubOptions) -> tuple[str | None, str, tuple[str, ...]]:
    """The names of the splits to train and to evaluate on, and what was decided."""
    for given in filter(None, (options.train, options.test)):
        if given not in splits:
            raise DataError(f"hf:{name}: has no split {given!r}: {nearest(given, splits)}")
    if len(splits) == 1 and options.train is None:
        return None, next(iter(splits)), ()
    train = options.train or next((each for each in SPLITS["train"] if each in splits), None)
    held = [each for each in SPLITS["test"] if each in splits and each != train]
    labelled = [each for each in held if _has_labels(name, splits[each], options.label)]
    test = options.test or next(iter(labelled), None)
    if test is None:
        raise DataError(
            f"hf:{name}: has no split with labels to evaluate on: name one of {', '.join(splits)} with @test="
        )
    said = f"the images of {test} are taken for the test images"
    if held[:1] != [test] and options.test is None:
        said += f": those of {held[0]} have no labels"
    return (None if train == test else train), test, () if test == "test" else (said,)


def _has_labels(name: str, rows: Any, given: str | None) -> bool:
    """Whether there is a label that is not -1, which marks the hidden labels of a competition."""
    labels = rows[_label_column(name, rows, given)]
    return any(label not in (None, -1) for label in labels)


def _image_column(name: str, rows: Any, given: str | None) -> str:
    import datasets

    if given is not None and given not in rows.features:
        raise DataError(f"hf:{name}: has no column {given!r}: {nearest(given, rows.features)}")
    images = [each for each, kind in rows.features.items() if isinstance(kind, datasets.Image)]
    if given is not None and given not in images:
        raise DataError(f"hf:{name}: the column {given} does not hold images")
    if given is None and len(images) != 1:
        several = f"several columns of images ({', '.join(images)}): choose one with @image=COLUMN"
        none = f"no column of images (columns: {', '.join(rows.features)})"
        raise DataError(f"hf:{name}: has {several if images else none}")
    return given or images[0]


def _label_column(name: str, rows: Any, given: str | None) -> str:
    import datasets

    if given is not None and given not in rows.features:
        raise DataError(f"hf:{name}: has no column {given!r}: {nearest(given, rows.features)}")
    marked = [each for each, kind in rows.features.items() if isinstance(kind, datasets.ClassLabel)]
    named = [each for each in LABELS if each in (marked or rows.features)]
    found = given or next(iter(named or (marked if len(marked) == 1 else [])), None)
    if found is None:
        columns = marked or list(rows.features)
        raise DataError(
            f"hf:{name}: no single column is known to hold the classes: choose one of {', '.join(columns)} with "
            "@label=COLUMN"
        )
    return found


def _classes(name: str, parts: Sequence[tuple[str, Any]], column: str, trained: bool) -> NumberedClasses:
    """The classes of all parts; those that a part numbers in another order get the numbers of the first."""
    names: tuple[str, ...] = ()
    labels: list[Any] = []
    places: list[str] = []
    said: tuple[str, ...] = ()
    for split, rows in parts:
        if column not in rows.features:
            raise DataError(f"hf:{name}: the split {split} has no column {column!r}")
        own, given = tuple(getattr(rows.features[column], "names", None) or ()), list(rows[column])
        names = names or own
        if own and (others := sorted({*own} ^ {*names})):
            raise DataError(f"hf:{name}: the splits do not share the class {others[0]!r}")
        if own != names:
            said = (f"{split} numbers the classes in another order than {parts[0][0]}: its labels are renumbered",)
            given = [label if label is None or label < 0 else names.index(own[label]) for label in given]
        labels += given
        places += [f"hf:{name}: {split}[{index}]" for index in range(len(given))]
    found = numbered(labels, len(parts[0][1]) if trained else 0, places.__getitem__)
    return NumberedClasses(tuple(map(printable, names)) or found.names, found.labels, (*said, *found.remarks))


def _files(rows: Any, split: str, column: str) -> list[ImageFile]:
    import datasets

    images = rows.select_columns([column]).cast_column(column, datasets.Image(decode=False))
    return [Row(images, index, split, column) for index in range(len(images))]
