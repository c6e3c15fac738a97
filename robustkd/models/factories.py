"""Networks that other code builds: torchvision's by name, and what a function of a file or module returns."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from robustkd.errors import BadInputError, ModelError, nearest
from robustkd.models.channel_order import ChannelOrder
from robustkd.models.network_name import named_by_layers
from robustkd.models.pixel_model import PixelModel
from robustkd.models.preprocessing import Preprocessing
from robustkd.plugins import imported

TORCHVISION = "torchvision"


@dataclass(frozen=True)
class Factory:
    """A function that builds a network.

    Attributes:
        place: A Python file, a module, or ``torchvision``.
        name: The name of the function there.
        options: Its keyword arguments.
    """

    place: str
    name: str
    options: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Its name in a report: ``resnet(depth=20)``, ``torchvision/resnet18``."""
        given = ", ".join(f"{key}={value!r}" for key, value in self.options.items())
        return f"{TORCHVISION}/{self.name}" if self.place == TORCHVISION else f"{self.name}({given})"


def name_of(factory: Factory, network: nn.Module) -> str:
    """Return the name of the architecture that a factory built; functions of one name may build different ones."""
    return factory.label if factory.place == TORCHVISION else named_by_layers(factory.label, network)


def parse_factory(architecture: str) -> Factory | None:
    """Read ``torchvision/NAME``, ``FILE.py::FUNCTION`` or ``PACKAGE.MODULE::FUNCTION(KEY=VALUE, …)``.

    Args:
        architecture: The architecture as the user wrote it.

    Returns:
        The factory; None for the name of a network that timm knows.

    Raises:
        ModelError: The arguments are not literals given by name.
    """
    if found := re.fullmatch(rf"{TORCHVISION}/(\w+)", architecture):
        return Factory(TORCHVISION, found[1], {})
    found = re.fullmatch(r"(?P<place>.+?)::(?P<name>[\w.]+)(?:\((?P<given>.*)\))?", architecture, re.DOTALL)
    if found is None:
        return None
    return Factory(found["place"], found["name"], _arguments(architecture, found["given"] or ""))


def call_factory(
    architecture: str,
    *,
    num_classes: int | None = None,
    in_chans: int | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    image_size: int | None = None,
    channel_order: ChannelOrder = "rgb",
    ema: bool = False,
) -> PixelModel:
    """Take a network with its weights from the function of a file or module.

    Args:
        architecture: The function, as for `parse_factory`.
        num_classes: As for `build_network`.
        in_chans: As for `build_network`.
        mean: The mean of the normalisation; None for none.
        std: The standard deviation of the normalisation.
        image_size: The size that images are resized to.
        channel_order: As for `PixelModel`.
        ema: Not for such a network, whose function chooses the weights.

    Raises:
        ModelError: As for `build_network`; or it has no weights of its own.
    """
    factory = parse_factory(architecture)
    if factory is None or factory.place == TORCHVISION:
        raise ModelError(f"{architecture}: give the file of its weights, as in {architecture}:PATH")
    if ema:
        raise ModelError(f"{architecture}: there are no averaged weights beside those that the function returns")
    network = build_network(factory, num_classes, in_chans)
    notes = [f"network and weights are those that {factory.label} returns"]
    pixels = Preprocessing(mean, std, image_size, channel_order=channel_order)
    return PixelModel(
        network,
        **pixels.settings(),
        architecture=name_of(factory, network),
        lineage={"notes": notes, "normalisation": pixels.where_from},
    ).eval()


def build_network(factory: Factory, num_classes: int | None, in_chans: int | None = None) -> nn.Module:
    """Build a network.

    Args:
        factory: The function.
        num_classes: The number of classes, passed on if the function takes ``num_classes`` and none is given.
        in_chans: The number of image channels, passed on as ``in_chans`` likewise.

    Returns:
        The network.

    Raises:
        ModelError: There is no such function, it fails, or returns something else than a network.
    """
    if factory.place == TORCHVISION:
        return _of_torchvision(factory.name, num_classes)
    try:
        module = imported(factory.place)
    except BadInputError as error:
        raise ModelError(str(error).removeprefix("plugin ")) from error
    function: Any = module
    for part in factory.name.split("."):
        function = getattr(function, part, None)
    if not callable(function):
        known = [name for name, held in vars(module).items() if callable(held) and not name.startswith("_")]
        raise ModelError(f"{factory.place} has no function {factory.name!r}: {nearest(factory.name, known)}")
    sizes = {"num_classes": num_classes, "in_chans": in_chans}
    taken = _parameters(function)
    wanted = {key: value for key, value in sizes.items() if key in taken and value is not None}
    try:
        network = function(**wanted | dict(factory.options))
    except (Exception, SystemExit) as error:  # it may fail in any way
        reason = (str(error).strip().splitlines() or ["no message"])[0]
        raise ModelError(f"{factory.label} of {factory.place} fails: {type(error).__name__}: {reason}") from error
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        raise ModelError(f"{factory.label} of {factory.place} returns a {kind}, not a torch.nn.Module")
    return network


def _of_torchvision(name: str, num_classes: int | None) -> nn.Module:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise ModelError(f"torchvision has no classifier {name!r}: {nearest(name, models.list_models(module=models))}")
    sizes = {} if num_classes is None else {"num_classes": num_classes}
    network: nn.Module = models.get_model(name, weights=None, **sizes)
    return network


def _arguments(architecture: str, given: str) -> dict[str, Any]:
    try:
        call = ast.parse(f"f({given})", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.args:
            raise ValueError(given)
        if not all(keyword.arg for keyword in call.keywords):
            raise ValueError(given)
        return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise ModelError(
            f"{architecture}: arguments must be literals given by name, as in models.py::resnet(depth=20)"
        ) from error


def _parameters(function: Any) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some functions of C do not tell
        return set()
