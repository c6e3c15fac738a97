"""What a reader must know of the files of a folder, in sentences."""

from collections import Counter
from collections.abc import Sequence

from robustkd.data.sources.folder.files import Found
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


def _counted(names: Counter[str]) -> str:
    shown = [f"{name} ({count:,})" if count > 1 else name for name, count in names.most_common(SHOWN)]
    rest = f" and {len(names) - SHOWN:,} more kinds" if len(names) > SHOWN else ""
    return printable(", ".join(shown)) + rest


def _first(found: Sequence[Found], kind: str) -> str:
    return printable(str(next(file for each in found for file in getattr(each, kind))))
