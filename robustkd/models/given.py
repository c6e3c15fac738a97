"""A network as a user names it: a file or a function, with all that has to be known of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustkd.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.models.channel_order import ChannelOrder
    from robustkd.models.pixel_model import PixelModel


@dataclass(frozen=True)
class GivenModel:
    """A network that is to be loaded.

    Attributes:
        path: The file of its weights, or a program; None if `architecture` brings the weights: a function, or a name on
            a hub.
        architecture: As for `load_model`.
        options: Further arguments of timm's `create_model`.
        mean: The mean of its normalisation, one value for each channel; None for none.
        std: The standard deviation of its normalisation.
        image_size: The size that images are resized to.
        channel_order: The order of the channels that it takes.
        ema: Whether to take averaged weights.
        classes: The output of each class of the data, if it may have more outputs; None if not.
    """

    path: str | None = None
    architecture: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    image_size: int | None = None
    channel_order: "ChannelOrder" = "rgb"
    ema: bool = False
    classes: Sequence[int] | None = None


def load_given(given: GivenModel, num_classes: int | None, pixels: "Tensor") -> "PixelModel":
    """Load a network.

    Args:
        given: What the user said of it.
        num_classes: The number of classes of the data; None accepts any.
        pixels: An image of the data or more, float (B, C, H, W) in [0, 1].

    Raises:
        ModelError: It cannot be loaded, or does not fit the data.
    """
    from robustkd.models.checkpoints.own import load_model
    from robustkd.models.class_map import restrict
    from robustkd.models.factories import call_factory
    from robustkd.models.hub.load import is_on_hub

    preprocessing: dict[str, Any] = {
        name: getattr(given, name) for name in ("mean", "std", "image_size", "channel_order")
    }
    # with a class map, the weights tell how many outputs there are
    sizes: dict[str, Any] = {
        "num_classes": num_classes if given.classes is None else None,
        "in_chans": pixels.shape[1],
    }
    if given.path is None and is_on_hub(given.architecture):
        given = replace(given, path=given.architecture, architecture=None)
    if given.path is None:
        model = call_factory(str(given.architecture), ema=given.ema, **sizes, **preprocessing)
    else:
        model = load_model(
            given.path,
            architecture=given.architecture,
            options=given.options or None,
            ema=given.ema,
            **sizes,
            **preprocessing,
        )
    return model if given.classes is None else restrict(model, given.classes, pixels)


def parse_model(text: str) -> tuple[str | None, str | None, str | None]:
    """Split ``[NAME=][ARCHITECTURE:]PATH``; if the whole text is an existing path, it is not split.

    An architecture is a name, ``torchvision/NAME``, ``FILE.py::FUNCTION`` or ``MODULE::FUNCTION(KEY=VALUE)``, or
    ``hf:PATH_OR_ORG/NAME`` or ``hf-hub:ORG/NAME``; functions need no path, and names on a hub have none.

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
    if re.match("hf(-hub)?:", rest):
        return found["name"], rest, None
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
