"""A model as written on the command line: ``[NAME=][ARCHITECTURE:]PATH``, or ``[NAME=]FILE.py::FUNCTION``."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustkd.errors import BadInputError, ModelError

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import PixelModel


def load_given(
    text: str, data: "Dataset", option: str, classes: list[int] | None = None, **loading: Any
) -> "tuple[str, PixelModel]":
    """Load a model as written on the command line.

    Args:
        text: ``[NAME=][ARCHITECTURE:]PATH``, or ``[NAME=]FILE.py::FUNCTION`` for a function that loads weights itself.
        data: The images, for the number of classes and channels.
        option: The option with which the model was given, for the error message.
        classes: The outputs that are the classes of the data, for networks with more outputs than it has classes.
        **loading: Arguments of `load_model` for checkpoints of other code.

    Returns:
        The name of the model (otherwise the method that its checkpoint names, otherwise the stem of the file) and the
        model.

    Raises:
        ModelError: The model cannot be loaded.
    """
    from robustkd.models import load_model
    from robustkd.models.class_map import restrict
    from robustkd.models.factories import call_factory

    name, architecture, path = parse_model(text)
    num_classes = data.num_classes if classes is None else None  # the weights tell how many outputs there are
    sizes: dict[str, Any] = {"num_classes": num_classes, "in_chans": data.test.shape[0]}
    try:
        if path is None:
            model = call_factory(str(architecture), **sizes, **loading)
        else:
            model = load_model(path, architecture=architecture, **sizes, **loading)
        if classes is not None:
            model = restrict(model, classes, data.test)
    except ModelError as error:
        raise ModelError(f"{option}{f' {name}' if name else ''}: {error}") from error
    return name or str(model.lineage.get("method", Path(path or model.architecture).stem)), model


def parse_model(text: str) -> tuple[str | None, str | None, str | None]:
    """Split ``[NAME=][ARCHITECTURE:]PATH``; if the whole text is an existing path, it is not split.

    An architecture is a name, ``torchvision/NAME``, ``FILE.py::FUNCTION`` or ``MODULE::FUNCTION(KEY=VALUE)``; the last
    two need no path.

    Args:
        text: The model as the user wrote it.

    Returns:
        Name, architecture, path; None where there is none.

    Raises:
        BadInputError: The text does not have this form.
    """
    found = re.fullmatch(r"(?:(?P<name>[^=/\\:(]+)=)?(?P<rest>.+)", text, re.DOTALL)
    if found is None:
        raise BadInputError(f"model {text!r}: must be [NAME=][ARCHITECTURE:]PATH")
    if _exists(text):
        return None, None, text
    rest = found["rest"]
    if factory := re.fullmatch(r"(?P<built>.+?::[\w.]+(?:\(.*?\))?)(?::(?P<path>.+))?", rest, re.DOTALL):
        return found["name"], factory["built"], factory["path"]
    architecture, colon, path = rest.partition(":")
    if colon and not _exists(rest) and re.fullmatch(r"[\w.-]{2,}|torchvision/\w+", architecture):
        return found["name"], architecture, path
    return found["name"], None, rest


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # the name is too long to be one
        return False
