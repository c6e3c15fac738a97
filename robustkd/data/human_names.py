"""Human names of classes that are named by WordNet identifiers, such as ``n02102040``."""

import re
from collections.abc import Sequence
from pathlib import Path

IDENTIFIER = r"n[0-9]{8}"
LISTS = ("words.txt", "LOC_synset_mapping.txt")
"""Files beside ImageNet and Tiny-ImageNet: in each line an identifier, a space or tab, and synonyms."""


def human_names(class_names: Sequence[str], folder: Path) -> tuple[str, ...]:
    """Put a human name before each WordNet identifier: ``English springer (n02102040)``.

    Args:
        class_names: The names of the classes. If one of them is no identifier, they are returned as they are.
        folder: The folder of the data set, where a list of names may lie.

    Returns:
        The names, in the same order; an identifier that no list has stays alone.
    """
    if not all(re.fullmatch(IDENTIFIER, name) for name in class_names):
        return tuple(class_names)
    known = _listed(folder)
    if not set(class_names) <= known.keys():
        known = _of_imagenet() | known
    return tuple(f"{known[name]} ({name})" if name in known else name for name in class_names)


def _listed(folder: Path) -> dict[str, str]:
    lines = [
        line
        for name in LISTS
        if (folder / name).is_file()
        for line in (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    found = [re.fullmatch(rf"({IDENTIFIER})[ \t]+([^,]+).*", line) for line in lines]
    return {match[1]: match[2].strip() for match in found if match is not None}


def _of_imagenet() -> dict[str, str]:
    from timm.data import ImageNetInfo

    all_classes = ImageNetInfo("imagenet-22k")
    return {name: all_classes.label_name_to_description(name).partition(",")[0] for name in all_classes.label_names()}
