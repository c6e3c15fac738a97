"""The layout of a data set on disk: where the training and the test images of each class are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from robustkd.data.class_order import ordered
from robustkd.data.sources.folder.files import Found, files_in, find_images, subfolders, system_entries
from robustkd.data.sources.folder.tiny_imagenet import ANNOTATIONS, annotated
from robustkd.errors import DataError, printable

SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "test": ("test", "testing"),
    "val": ("val", "valid", "validation"),
}
"""The names of the folders that hold the parts of a data set, in lower case."""

Split = Mapping[str, Found]
"""What was found of each class."""


@dataclass(frozen=True)
class Layout:
    """The files of a data set.

    Attributes:
        class_names: The names of the classes, in the order of their numbers.
        train_folder: The folder of the training images; None if there is none.
        train: The training images of each class.
        test_folder: The folder of the test images.
        test: The test images of each class.
        system: The names of system files and folders beside the classes.
        remarks: Sentences on what was decided.
    """

    class_names: tuple[str, ...]
    train_folder: Path | None
    train: Split | None
    test_folder: Path
    test: Split
    system: tuple[str, ...]
    remarks: tuple[str, ...]


def read_layout(root: Path, order: str | None) -> Layout:
    """Find the training and test images of a folder.

    Args:
        root: The folder.
        order: The order of the classes, as in `FolderOptions`.

    Returns:
        What lies where.

    Raises:
        DataError: The folder has none of the known layouts; the message says what is missing.
    """
    parts = _parts(root)
    if not parts:
        names, said = ordered(_class_folders(root), order)
        test = {name: find_images(root / name) for name in names}
        system = tuple(system_entries(root))
        remarks = [*said, *_images_outside(root), *_classes_below(root, test)]
        return Layout(names, None, None, root, test, system, tuple(remarks))
    _refuse_images_for_classes(root, parts)
    train, (test_folder, said) = parts.get("train"), _test_part(root, parts)
    system = tuple(name for place in (root, train, test_folder) if place for name in system_entries(place))
    remarks = [*said, *_not_read(root, {train, test_folder}), *_images_outside(root)]
    labelled = annotated(test_folder) if (test_folder / ANNOTATIONS).is_file() else None
    if labelled is not None:
        remarks.append(f"the classes of the test images are those of {test_folder.name}/{ANNOTATIONS}")
    test_names = sorted(labelled) if labelled is not None else _class_folders(test_folder)
    names, in_order = ordered(_class_folders(train) if train else test_names, order)
    unknown = sorted(set(test_names) - set(names))
    if unknown:
        raise DataError(f"{test_folder}: class folder {unknown[0]!r} is not among the training classes")
    for place in filter(None, (train, None if labelled is not None else test_folder)):
        remarks += _images_outside(place)
    found = labelled or {name: find_images(test_folder / name) for name in names}
    training = {name: find_images(train / name) for name in names} if train else None
    return Layout(names, train, training, test_folder, found, system, (*in_order, *remarks))


def _parts(root: Path) -> dict[str, Path]:
    """The folders of the parts, by ``train``, ``test`` and ``val``; empty where the folders are classes.

    ``train`` and ``test`` are never classes. Other spellings, such as ``Training`` and ``valid``, stand for parts only
    where nothing else is there: a class may be called Train.
    """
    held = sorted(subfolders(root), reverse=True)  # one spelt in lower case comes first
    known = {name for names in SPLITS.values() for name in names}
    if not {"train", "test"} & set(held) and not all(
        name.lower() in known and subfolders(root / name) and not files_in(root / name) for name in held
    ):
        return {}
    return {
        part: root / next(name for name in held if name.lower() in names)
        for part, names in SPLITS.items()
        if any(name.lower() in names for name in held)
    }


def _test_part(root: Path, parts: Mapping[str, Path]) -> tuple[Path, tuple[str, ...]]:
    """The folder of the test images, and why it is that one."""
    train, test, val = (parts.get(part) for part in ("train", "test", "val"))
    if val is None and test is None:
        raise DataError(
            f"{root}: has {train.name}/ but no test/ or val/: add one, or evaluate on the training images themselves "
            f"with folder:{train}"
            if train
            else f"{root}: has no test/"
        )
    if test is None or val is None:
        taken = test or val
        assert taken is not None
        return taken, () if test else (f"there is no test/: {taken.name}/ is taken for the test images",)
    if not set(_labelled(test)) & set(_labelled(train or val)):
        return val, (f"{test.name}/ has no folder of a training class: {val.name}/ is taken for the test images",)
    return test, (f"{val.name}/ is not used: the test images are those of {test.name}/",)


def _labelled(part: Path) -> list[str]:
    return list(annotated(part)) if (part / ANNOTATIONS).is_file() else subfolders(part)


def _refuse_images_for_classes(root: Path, parts: Mapping[str, Path]) -> None:
    for part, folder in parts.items():
        if subfolders(folder) or not files_in(folder):
            continue
        raise DataError(
            f"{folder}: holds images but no class folders, and {folder.name}/ stands for the "
            f"{'training' if part == 'train' else 'test'} images of a data set; if {folder.name} is a class, move all "
            f"class folders into {root / 'test'}/; if it is not, sort its images into {folder}/CLASS/"
        )


def _class_folders(folder: Path) -> list[str]:
    names = subfolders(folder)
    if not names:
        raise DataError(f"{folder}: holds no class folders (expected {folder}/CLASS/image.png)")
    return names


def _classes_below(root: Path, test: Split) -> tuple[str, ...]:
    """A remark where the folders look like parts of a data set or a folder around it rather than like classes."""
    if any(len(found.images) > len(found.nested) for found in test.values()):
        return ()
    below = [tuple(subfolders(root / name)) for name in test]
    if len(below[0]) < 2:
        return ()
    if len(below) == 1:
        only = root / next(iter(test))
        if _parts(only):
            raise DataError(f"{root}: holds nothing but {only.name}/, which has train/ or test/: give folder:{only}")
    elif len(set(below)) > 1:
        return ()
    folders = ", ".join(map(printable, list(test)[:3]))
    return (
        f"all images of {folders} lie in subfolders of the same names ({printable(', '.join(below[0][:3]))}); if these "
        "are the classes, give the path of the folder that holds them",
    )


def _not_read(root: Path, used: set[Path | None]) -> tuple[str, ...]:
    known = {name for names in SPLITS.values() for name in names}
    others = [name for name in subfolders(root) if root / name not in used and name.lower() not in known]
    read = " and ".join(sorted(f"{place.name}/" for place in used if place))
    return (f"not read: {_few([f'{name}/' for name in others])}, beside {read}",) if others else ()


def _images_outside(folder: Path) -> tuple[str, ...]:
    files = files_in(folder)
    if not files:
        return ()
    lie = "image lies" if len(files) == 1 else "images lie"
    return (
        f"{len(files):,} {lie} outside the class folders, such as {printable(str(files[0]))}, and "
        f"{'is' if len(files) == 1 else 'are'} left out",
    )


def _few(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return printable(", ".join(names[:3])) + rest
