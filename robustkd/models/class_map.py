"""Which outputs of a classifier of many classes are the classes of the data."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robustkd.errors import BadInputError, ModelError
from robustkd.models.pixel_model import PixelModel
from robustkd.regular_file import why_not_a_file

IMAGENET = "imagenet"


def parse_classes(text: str, class_names: Sequence[str], given: str = "--classes") -> list[int]:
    """Read ``207,281,…``, or look the classes up in ImageNet's.

    Args:
        text: Indices of outputs, one for each class of the data in its order; or ``imagenet``, if the classes of the
            data are named by WordNet identifiers such as ``n02102040``.
        class_names: The names of the classes of the data.
        given: Where the text was given, for messages.

    Raises:
        BadInputError: The text is neither, or does not fit the classes.
    """
    if text == IMAGENET:
        from timm.data import ImageNetInfo

        known = {name: index for index, name in enumerate(ImageNetInfo("imagenet-1k").label_names())}
        identifiers = [_identifier(name) for name in class_names]
        if missing := [name for name in identifiers if name not in known]:
            raise BadInputError(
                f"{given} imagenet: {missing[0]!r} is no WordNet identifier of ImageNet's 1,000 classes"
            )
        return [known[name] for name in identifiers]
    try:
        classes = [int(part) for part in text.replace(",", " ").split()]
    except ValueError as error:
        raise BadInputError(f"{given} {text!r}: must be indices of outputs, as in 207,281, or imagenet") from error
    return check_classes(classes, class_names, given)


def read_class_map(file: Path, class_names: Sequence[str], given: str = "--class-map") -> list[int]:
    """Read the outputs of the classes from a JSON file.

    Args:
        file: A list of indices in the order of the classes of the data, or an object from their names to indices.
        class_names: The names of the classes of the data.
        given: Where the file was given, for messages.

    Raises:
        BadInputError: The file cannot be read, or does not fit the classes.
    """
    if problem := why_not_a_file(file):
        raise BadInputError(f"{given} {file}: {problem}")
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInputError(f"{given} {file}: not valid JSON ({error})") from error
    if isinstance(content, dict):
        keys = [name if name in content else _identifier(name) for name in class_names]
        if missing := [name for name in keys if name not in content]:
            raise BadInputError(f"{given} {file}: has no class {missing[0]!r}")
        content = [content[name] for name in keys]
    if not isinstance(content, list) or not all(type(each) is int for each in content):
        raise BadInputError(f"{given} {file}: must be a list of indices, or an object from names to indices")
    return check_classes(content, class_names, f"{given} {file}")


def _identifier(class_name: str) -> str:
    """The WordNet identifier in a name such as ``English springer (n02102040)``; other names as they are."""
    found = re.search(r"\(?(n[0-9]{8})\)?$", class_name)
    return found[1] if found is not None else class_name


def restrict(model: PixelModel, classes: Sequence[int], pixels: Tensor) -> PixelModel:
    """Restrict a network to some of its outputs, or bring its outputs into the order of the data.

    A network with as many outputs as the data has classes is left alone, unless the map is an order of these outputs.

    Args:
        model: The network.
        classes: The output of each class of the data.
        pixels: An image or more, to count the outputs, float (B, C, H, W) in [0, 1].

    Raises:
        ModelError: The network has too few outputs, or fails.
    """
    try:
        with torch.no_grad():
            outputs = model.eval()(pixels).shape[1]
    except ModelError:
        raise
    except Exception as error:  # a network may fail in any way
        reason = (str(error).splitlines() or [""])[0]
        raise ModelError(f"cannot count its outputs: {type(error).__name__}: {reason}") from error
    in_place = list(range(outputs))
    if outputs == len(classes) and (sorted(classes) != in_place or list(classes) == in_place):
        return model
    if outputs <= max(classes):
        raise ModelError(f"has {outputs} outputs, but the class map names output {max(classes)}")
    used = "in the order" if outputs == len(classes) else "those"
    notes = [
        *model.lineage.get("notes", []),
        f"{len(classes)} of its {outputs} outputs are used, {used} of the class map",
    ]
    chosen = model.restricted_to(classes)
    chosen.lineage = {**model.lineage, "notes": notes, "classes": list(classes)}
    return chosen


def check_classes(classes: list[int], class_names: Sequence[str], given: str) -> list[int]:
    """Check that there is one output for each class.

    Args:
        classes: The output of each class.
        class_names: The names of the classes of the data.
        given: Where the outputs were given, for messages.

    Returns:
        The outputs.

    Raises:
        BadInputError: There are too few or too many, or one is negative or there twice.
    """
    if len(classes) != len(class_names):
        raise BadInputError(f"{given}: has {len(classes)} indices, the data {len(class_names)} classes")
    if min(classes) < 0 or len(set(classes)) < len(classes):
        raise BadInputError(f"{given}: indices must not be negative, and each must be there once")
    return classes
