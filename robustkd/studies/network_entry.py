"""A network that a user describes in a file: a pool file, or the teacher of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from robustkd.errors import BadInputError
from robustkd.models.channel_order import ChannelOrder

if TYPE_CHECKING:
    from robustkd.data import Dataset
    from robustkd.models import PixelModel

HUB_FOLDER = "hf:"


class NetworkEntry(BaseModel):
    """A network.

    Attributes:
        path: The file of its weights, relative to the file that describes it; not needed if `architecture` brings them.
        architecture: As on the command line; files of code and folders are relative to the file that describes it too.
        options: Further arguments of timm's `create_model`.
        mean: The mean of its normalisation.
        std: The standard deviation of its normalisation.
        image_size: The size that images are resized to.
        channel_order: ``bgr`` if it takes the channels in the order blue, green, red.
        ema: Whether to take averaged weights.
        classes: The output of each class of the data, or ``imagenet``.
        class_map: The same in a JSON file, relative to the file that describes the network.
    """

    model_config = ConfigDict(extra="forbid")

    path: str | None = None
    architecture: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    mean: list[float] | None = None
    std: list[float] | None = None
    image_size: Annotated[int, Field(ge=1)] | None = None
    channel_order: ChannelOrder = "rgb"
    ema: bool = False
    classes: list[Annotated[int, Field(ge=0)]] | str | None = None
    class_map: str | None = None

    @property
    def has_weights(self) -> bool:
        """Whether it says where the weights are."""
        brings = self.architecture is not None and (
            "::" in self.architecture or self.architecture.startswith(("hf:", "hf-hub:"))
        )
        return self.path is not None or brings

    def load(self, data: Dataset, place: str) -> PixelModel:
        """Load the network; its paths are those of `beside`.

        Args:
            data: The images that it is for.
            place: Where it is described, for messages.

        Raises:
            BadInputError: It has no weights, or its classes do not fit the data.
            ModelError: It cannot be loaded.
        """
        from robustkd.errors import ModelError
        from robustkd.models.given import GivenModel, load_given

        if not self.has_weights:
            raise BadInputError(f"{place}: give the path of its weights")
        classes = self._chosen_classes(data.test.class_names, place)
        names = ("path", "architecture", "options", "mean", "std", "image_size", "channel_order", "ema")
        given = GivenModel(**{name: getattr(self, name) for name in names}, classes=classes)
        try:
            return load_given(given, data.num_classes, data.test.pixels(0, 1))
        except ModelError as error:
            raise ModelError(f"{place}: {error}") from error

    def _chosen_classes(self, class_names: Sequence[str], place: str) -> list[int] | None:
        from robustkd.models.class_map import check_classes, parse_classes, read_class_map

        if self.classes is not None and self.class_map is not None:
            raise BadInputError(f"{place}: classes and class_map say the same: give one of them")
        if self.class_map is not None:
            return read_class_map(Path(self.class_map), class_names, f"{place}: class_map")
        if isinstance(self.classes, str):
            return parse_classes(self.classes, class_names, f"{place}: classes")
        return None if self.classes is None else check_classes(self.classes, class_names, f"{place}: classes")


def placed_beside(file: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a network with paths that are relative to the file that holds it.

    Args:
        file: The file.
        entry: The values by key.
    """
    resolved = {"path": beside, "class_map": beside, "architecture": code_beside}
    found = {key: resolve(file, entry[key]) for key, resolve in resolved.items() if isinstance(entry.get(key), str)}
    return {**entry, **found}


def beside(file: Path, path: str) -> str:
    """Return a path that is relative to the file that names it.

    Args:
        file: The file.
        path: The path.
    """
    return str(file.parent / Path(path).expanduser())


def code_beside(file: Path, architecture: str) -> str:
    """Return an architecture; files of code and folders are relative to the file that names them, modules are not.

    Args:
        file: The file.
        architecture: The architecture.
    """
    if architecture.startswith(HUB_FOLDER):
        folder = beside(file, architecture.removeprefix(HUB_FOLDER))
        return f"{HUB_FOLDER}{folder}" if Path(folder).is_dir() else architecture
    place, colons, function = architecture.partition("::")
    return f"{beside(file, place)}::{function}" if colons and place.endswith(".py") else architecture
