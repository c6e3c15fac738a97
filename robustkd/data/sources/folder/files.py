"""The files of one class: images in a folder and its subfolders, and what else lies there."""

import os
from dataclasses import dataclass
from pathlib import Path

IMAGE_SUFFIXES = frozenset(
    {
        ".apng",
        ".avif",
        ".bmp",
        ".dib",
        ".gif",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".qoi",
        ".tga",
        ".tif",
        ".tiff",
        ".webp",
    }
)
"""The suffixes of the formats that Pillow reads and that hold one picture to look at."""

SYSTEM_NAMES = frozenset(
    {
        "$recycle.bin",
        "#recycle",
        "#snapshot",
        "@eadir",
        "__macosx",
        "__pycache__",
        "desktop.ini",
        "ehthumbs.db",
        "lost+found",
        "system volume information",
        "thumbs.db",
    }
)
"""What operating systems and network drives put into folders, in lower case; names that begin with a dot count too."""


@dataclass(frozen=True)
class Found:
    """What lies in a folder and its subfolders.

    Attributes:
        images: The files with the suffix of an image, sorted.
        nested: The images among them that lie in subfolders.
        others: The files with another suffix.
        system: The names of system files and folders, which are not looked into.
        repeated: Links to folders that were already read, or that hold the folder itself.
    """

    images: tuple[Path, ...] = ()
    nested: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    system: tuple[str, ...] = ()
    repeated: tuple[Path, ...] = ()


def find_images(folder: Path) -> Found:
    """Find the images in a folder and its subfolders; links are followed, each folder is read once.

    Args:
        folder: The folder; one that does not exist holds nothing.

    Raises:
        OSError: A folder cannot be read.
    """
    images: list[Path] = []
    others: list[Path] = []
    system: list[str] = []
    repeated: list[Path] = []
    left, read = [folder], {_identity(above) for above in folder.resolve().parents}
    while left:
        place = left.pop()
        if not os.path.isdir(place):
            continue
        if _identity(place) in read:
            repeated.append(place)
            continue
        read.add(_identity(place))
        with os.scandir(place) as entries:
            for entry in entries:
                if is_system(entry.name):
                    system.append(entry.name)
                elif _is_folder(entry):
                    left.append(place / entry.name)
                elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:
                    images.append(place / entry.name)
                else:
                    others.append(place / entry.name)
    images.sort()
    nested = tuple(file for file in images if file.parent != folder)
    return Found(tuple(images), nested, tuple(sorted(others)), tuple(system), tuple(sorted(repeated)))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or a link to one; of most files, the system need not be asked."""
    return not entry.is_file(follow_symlinks=False) and os.path.isdir(entry)


def _identity(folder: Path) -> tuple[int, int]:
    about = os.stat(folder)
    return about.st_dev, about.st_ino


def subfolders(folder: Path) -> list[str]:
    """Return the names of the folders in a folder, sorted, without those of the system."""
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if not is_system(entry.name) and _is_folder(entry))


def files_in(folder: Path) -> list[Path]:
    """Return the images that lie in a folder itself, sorted."""
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if not is_system(entry.name) and not _is_folder(entry)]
    return sorted(folder / name for name in names if os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES)


def system_entries(folder: Path) -> list[str]:
    """Return the names of the system files and folders in a folder, sorted."""
    if not os.path.isdir(folder):
        return []
    return sorted(name for name in os.listdir(folder) if is_system(name))


def is_system(name: str) -> bool:
    """Return whether a name is that of a hidden or system file or folder."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES
