"""`webdataset:PATH`: images in tar files of the WebDataset format, read in place and in any order.

The library `webdataset` streams: it gives the images of a tar file one after another. An evaluation reads some images
again and again, so the tar files are indexed once and read at the positions of their members. Nothing is unpacked, and
no URL such as ``pipe:`` is executed.
"""

import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from robustkd.data.class_numbers import NumberedClasses, numbered
from robustkd.data.dataset import Dataset
from robustkd.data.encoded.assembling import Part, assembled
from robustkd.data.encoded.options import ImageOptions, split_options
from robustkd.data.human_names import human_names
from robustkd.data.loading import DATASETS
from robustkd.data.sources.folder.files import IMAGE_SUFFIXES
from robustkd.data.sources.folder.layout import SPLITS
from robustkd.errors import DataError, printable

LABELS = ("cls", "label", "class")
"""The extensions of files with the class, and the keys of a JSON file with it, the most usual first."""

CLASS_LISTS = ("classnames.txt", "classes.txt")
"""Files beside the tar files with a name of a class in each line."""


@dataclass(frozen=True)
class ArchiveOptions(ImageOptions):
    """The options of tar files.

    Attributes:
        label: The extension of the files with the class, or the key of the JSON files with it.
        order: The order of classes that are named by texts; see `FolderOptions`.
    """

    label: str | None = None
    order: Literal["name", "natural"] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a tar file.

    Attributes:
        archive: The tar file.
        name: The name of the file in it.
        start: The position of its first byte.
        size: The number of its bytes.
    """

    archive: Path
    name: str
    start: int
    size: int

    def open(self, mode: Literal["rb"], /) -> IO[bytes]:
        """Read the file."""
        with open(self.archive, mode) as archive:
            archive.seek(self.start)
            return io.BytesIO(archive.read(self.size))

    def __str__(self) -> str:
        return f"{self.archive}:{self.name}"


@dataclass
class _Sample:
    """The files of one image, by extension."""

    files: dict[str, Member] = field(default_factory=dict)

    @property
    def image(self) -> Member | None:
        return next((member for suffix, member in self.files.items() if f".{suffix}" in IMAGE_SUFFIXES), None)


@DATASETS.register("webdataset:")
def load_webdataset(path: str, root: Path | None = None) -> Dataset:
    """Load images from tar files of the WebDataset format, without unpacking them.

    PATH is a tar file, several as in ``test-{000..009}.tar``, or a folder with tar files. Those with ``train``,
    ``test`` or ``val`` as a word of their name or folder are the parts; without such names all are for testing.
    The files of an image share a name up to the first dot: ``0001.jpg`` and ``0001.cls``, which holds the number or the
    name of the class, or ``0001.json`` with a key ``label``. Beside the tar files, ``classnames.txt`` may name the
    classes.

    Options follow: ``@label=`` (another extension or key), ``@order=`` and those of ``folder:PATH`` for the pixels.

    Args:
        path: The tar files, with or without options.
        root: Not used.

    Returns:
        The data set.

    Raises:
        DataError: A file is missing, damaged or compressed, or an image has no class; the message names it.
    """
    given, options = split_options(path, ArchiveOptions)
    if re.match(r"[a-z0-9]+://|pipe:", given):
        raise DataError(f"{given}: is not on this machine; images are read in any order: download the tar files first")
    parts, said = _parts(_archives(given), given)
    samples = {part: [each for archive in archives for each in _samples(archive)] for part, archives in parts.items()}
    train, test = samples.get("train", []), samples["test"]
    both = [*train, *test]
    classes = _classes(both, len(train), options, parts["test"][0].parent)
    files = [image for sample in both if (image := sample.image) is not None]
    learned = Part(files[: len(train)], classes.labels[: len(train)]) if train else None
    judged = Part(files[len(train) :], classes.labels[len(train) :])
    name = re.sub(r"\{.*?\}|\*", "", Path(given).stem).strip("-_. ") or Path(given).resolve().parent.name
    return assembled(name, learned, judged, classes.names, options, (*said, *classes.remarks))


def _archives(given: str) -> list[Path]:
    """The tar files that a path means."""
    place = Path(given).expanduser()
    if place.is_dir():
        found = sorted(file for file in place.glob("**/*.tar*") if not file.name.startswith("."))
        if not found:
            raise DataError(f"{place}: holds no tar files")
    else:
        found = [Path(each).expanduser() for each in _expanded(given)]
    for file in found:
        if not file.is_file():
            raise DataError(f"{file}: {'is not a regular file' if file.exists() else 'no such file'}")
    return found


def _expanded(pattern: str) -> list[str]:
    """Write out ``{000..009}`` and ``{a,b}``, as a shell does."""
    found = re.search(r"\{(?:(\d+)\.\.(\d+)|([^{}]*,[^{}]*))\}", pattern)
    if found is None:
        return [pattern]
    first, last, listed = found.groups()
    width = len(first or "")
    chosen = listed.split(",") if listed else [f"{each:0{width}}" for each in range(int(first), int(last) + 1)]
    return [each for word in chosen for each in _expanded(pattern[: found.start()] + word + pattern[found.end() :])]


def _parts(archives: Sequence[Path], given: str) -> tuple[Mapping[str, list[Path]], tuple[str, ...]]:
    """The tar files of the training and of the test images, and what was decided."""
    place = Path(given).expanduser()
    found: dict[str, list[Path]] = {}
    for file in archives:
        near = file.relative_to(place) if place.is_dir() else Path(file.name)
        words = re.findall("[a-z]+", str(near).lower())
        part = next((part for word in words for part, names in SPLITS.items() if word in names), "")
        found.setdefault(part, []).append(file)
    if not found.keys() - {""} or len(archives) == len(found.get("train", [])):
        return {"test": list(archives)}, ()
    said = []
    if "" in found:
        said.append(f"not read: {printable(found[''][0].name)}, whose name does not tell which part it is")
    if "test" not in found and "val" in found:
        said.append("there are no test files: those for validation are taken for the test images")
    elif "val" in found:
        said.append("the files for validation are not used: the test images are those of the test files")
    test = found.get("test") or found.get("val")
    if test is None:
        raise DataError(f"{given}: has no tar files with the word test or val in their names")
    return {"test": test} | ({"train": found["train"]} if "train" in found else {}), tuple(said)


def _samples(archive: Path) -> Iterator[_Sample]:
    """The images of a tar file with what belongs to each, in the order of the file."""
    samples: dict[str, _Sample] = {}
    for member in _members(archive):
        folder, _, file = member.name.rpartition("/")
        key, _, suffix = file.partition(".")
        files = samples.setdefault(f"{folder}/{key}", _Sample()).files
        if suffix.lower() in files:
            raise DataError(f"{archive}: holds {member.name} twice")
        files[suffix.lower()] = member
    found = [sample for sample in samples.values() if sample.image is not None]
    if not found:
        raise DataError(f"{archive}: holds no images")
    yield from found


def _members(archive: Path) -> Iterator[Member]:
    length = os.path.getsize(archive)
    try:
        with tarfile.open(archive, "r:") as opened:
            for each in opened:
                if not each.isreg() or os.path.basename(each.name).startswith("."):
                    continue
                if each.offset_data + each.size > length:
                    raise DataError(f"{archive}: ends within {each.name}: it is truncated")
                yield Member(archive, each.name, each.offset_data, each.size)
    except (tarfile.TarError, OSError, EOFError) as error:
        compressed = any(word in archive.name for word in (".tar.", ".tgz", ".tbz", ".txz"))
        what = "is compressed: decompress it, so that images can be read in any order" if compressed else "no tar file"
        raise DataError(f"{archive}: {what} ({error})") from error


def _classes(samples: Sequence[_Sample], trained: int, options: ArchiveOptions, folder: Path) -> NumberedClasses:
    places = [str(sample.image) for sample in samples]
    labels = [_label(sample, place, options.label) for sample, place in zip(samples, places, strict=True)]
    found = numbered(labels, trained, places.__getitem__, options.order)
    if not all(name.isdecimal() for name in found.names):
        return NumberedClasses(human_names(found.names, folder), found.labels, found.remarks)
    lists = [place / name for place in (folder, folder.parent) for name in CLASS_LISTS if (place / name).is_file()]
    if not lists:
        return found
    names = tuple(lists[0].read_text(encoding="utf-8").splitlines())
    if len(names) < len(found.names):
        highest = len(found.names) - 1
        raise DataError(f"{lists[0]}: names {len(names)} classes, but labels go up to {highest}")
    return NumberedClasses(names, found.labels, found.remarks)


def _label(sample: _Sample, place: str, given: str | None) -> Any:
    """The class of an image: a text or a number."""
    names = (given,) if given is not None else LABELS
    suffix = next((name for name in names if name in sample.files), None)
    if suffix is not None:
        with sample.files[suffix].open("rb") as file:
            return file.read().decode(errors="replace").strip()
    if "json" in sample.files:
        with sample.files["json"].open("rb") as file:
            try:
                content = json.load(file)
            except ValueError as error:
                raise DataError(f"{sample.files['json']}: not valid JSON ({error})") from error
        key = next((name for name in names if isinstance(content, dict) and name in content), None)
        if key is not None:
            return content[key]
    held = ", ".join(f".{name}" for name in sample.files)
    raise DataError(f"{place}: has no class: no file .{' or .'.join(names)} and no such key in .json (files: {held})")
