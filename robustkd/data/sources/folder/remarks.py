"""What a reader must know of the files of a folder, in sentences."""

from collections import Counter
from collections.abc import Sequence

from robustkd.data.sources.folder.decoding import Decoding
from robustkd.data.sources.folder.files import Found
from robustkd.data.sources.folder.geometry import StandardEvaluation
from robustkd.data.sources.folder.headers import Header
from robustkd.data.sources.folder.layout import Split
from robustkd.errors import printable

SHOWN = 3
"""The number of names that a sentence lists."""


def file_remarks(splits: Sequence[Split], system: Sequence[str]) -> tuple[str, ...]:
    """Describe the files that were left out, and those that lie in unusual places.

    Args:
        splits: What was found in each part of the data set.
        system: The names of system files and folders beside the classes.
    """
    found = [each for split in splits for each in split.values()]
    remarks = []
    if count := sum(len(each.nested) for each in found):
        where = "image lies" if count == 1 else "images lie"
        remarks.append(f"{count:,} {where} in subfolders of the class folders, such as {_first(found, 'nested')}")
    if others := [file for each in found for file in each.others]:
        suffixes = Counter(file.suffix.lower() or "no suffix" for file in others)
        files = (
            "1 file of a class is not read: it has"
            if len(others) == 1
            else f"{len(others):,} files are not read: they have"
        )
        remarks.append(f"{files} no suffix of an image ({_counted(suffixes)}), such as {_first(found, 'others')}")
    if names := Counter([*system, *(name for each in found for name in each.system)]):
        remarks.append(f"hidden and system files and folders are left out: {_counted(names)}")
    if count := sum(len(each.repeated) for each in found):
        remarks.append(
            f"{count:,} link{'' if count == 1 else 's'} to a folder above or to one that was already read, such as "
            f"{_first(found, 'repeated')}, {'is' if count == 1 else 'are'} not followed"
        )
    return tuple(remarks)


def pixel_remarks(headers: Sequence[Header], decoding: Decoding) -> tuple[str, ...]:
    """Describe what was done to the pixels of some images.

    Args:
        headers: What is known of all images.
        decoding: How files become pixels.
    """
    count = len(headers)
    remarks = []
    if transparent := sum(header.transparent for header in headers):
        other = "black" if decoding.background == "white" else "white"
        remarks.append(
            f"{_have(transparent, count)} an alpha channel or a transparent colour: transparent pixels become "
            f"{decoding.background} "
            f"(@background={other} for {other})"
        )
    if turned := sum(header.orientation != 1 for header in headers):
        what, other = (
            ("which is ignored, as torchvision and timm do", "@exif=apply turns images upright")
            if decoding.exif == "ignore"
            else ("which is applied", "torchvision and timm ignore it")
        )
        remarks.append(f"{_have(turned, count)} an orientation in EXIF, {what}; {other}")
    if pages := sum(header.pages for header in headers):
        remarks.append(f"{_have(pages, count)} several pages or frames, of which the first is read")
    if isinstance(decoding.geometry, StandardEvaluation):
        least, most = (pick(headers, key=lambda header: header.size[0] * header.size[1]).size for pick in (min, max))
        remarks.append(
            f"images differ in size, from {least[0]}×{least[1]} to {most[0]}×{most[1]} (width×height): for each "
            "network the shorter side is resized and the centre is cut out"
        )
    return tuple(remarks)


def _have(some: int, count: int) -> str:
    return f"{some:,} of {count:,} images {'has' if some == 1 else 'have'}"


def _counted(names: Counter[str]) -> str:
    shown = [f"{name} ({count:,})" if count > 1 else name for name, count in names.most_common(SHOWN)]
    rest = f" and {len(names) - SHOWN:,} more kinds" if len(names) > SHOWN else ""
    return printable(", ".join(shown)) + rest


def _first(found: Sequence[Found], kind: str) -> str:
    return printable(str(next(file for each in found for file in getattr(each, kind))))
