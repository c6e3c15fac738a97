"""A model as written on the command line: ``[NAME=][ARCHITECTURE:]PATH``, or ``[NAME=]FILE.py::FUNCTION``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustkd.errors import ModelError

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import PixelModel


def load_option(text: str, data: "Dataset", option: str, **settings: Any) -> "tuple[str, PixelModel]":
    """Load a model as written on the command line.

    Args:
        text: ``[NAME=][ARCHITECTURE:]PATH``, or ``[NAME=]FILE.py::FUNCTION`` for a function that loads weights itself.
        data: The images, for the number of classes and channels.
        option: The option with which the model was given, for the error message.
        **settings: Further attributes of `GivenModel`.

    Returns:
        The name of the model (otherwise the method that its checkpoint names, otherwise the stem of the file) and the
        model.

    Raises:
        ModelError: The model cannot be loaded.
    """
    from robustkd.models.given import GivenModel, load_given, parse_model

    name, architecture, path = parse_model(text)
    try:
        model = load_given(GivenModel(path, architecture, **settings), data.num_classes, data.test.pixels(0, 1))
    except ModelError as error:
        raise ModelError(f"{option}{f' {name}' if name else ''}: {error}") from error
    return name or str(model.lineage.get("method", Path(path or model.architecture).stem)), model
