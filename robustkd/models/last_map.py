"""The last feature map of a network that still has positions, and the gradient of a class with respect to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models.ensembles import Ensemble
from robustkd.models.pixel_model import PixelModel

Layout = Literal["channels first", "channels last", "tokens"]

_NOT_MAPS = (nn.Dropout, nn.Softmax)
"""Modules whose four-dimensional output may be attention weights, which are no map."""


@dataclass(frozen=True)
class MapPlace:
    """Where a network has its last map.

    Attributes:
        module: The name of the module whose output it is.
        layout: The order of its axes: (B, C, H, W), (B, H, W, C), or (B, T, C) with the positions in the last H · W of
            T tokens.
        height: The height H of the map, in positions.
        width: Its width W.
    """

    module: str
    layout: Layout
    height: int
    width: int


def find_last_map(model: PixelModel, pixels: Tensor) -> MapPlace:
    """Find the last map of a network that has more than one position.

    Of a vision transformer (timm's, torchvision's), it is the input of the last block's attention, because after that
    the class token alone may reach the classifier. Of any other network, it is the output of the module that is the
    last to return a tensor of four axes with more than one position.

    Args:
        model: The network, in evaluation mode.
        pixels: An image or several, float (B, C, H, W) in [0, 1].

    Raises:
        ModelError: It has none, or is an ensemble, whose networks have one each.
    """
    if isinstance(model.module, Ensemble):
        raise ModelError(f"{model.architecture} has no spatial maps of its own")
    tokens = _attention_input(model.module)
    last: list[MapPlace] = []

    def watch(name: str, module: nn.Module) -> Callable[..., None]:
        def seen(_: nn.Module, __: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                place = _token_map(name, output, tokens[1]) if tokens else _map_place(name, model, output)
                last[:] = [place] if place else last

        return seen

    hooks = [
        module.register_forward_hook(watch(name, module))
        for name, module in model.module.named_modules()
        if (module is tokens[0] if tokens else not isinstance(module, _NOT_MAPS))
    ]
    try:
        with torch.no_grad():
            model(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    if not last:
        raise ModelError(f"{model.architecture} has no spatial maps")
    return last[0]


def map_and_gradient(model: PixelModel, pixels: Tensor, classes: Tensor, place: MapPlace) -> tuple[Tensor, Tensor]:
    """Return the map of each image, and the gradient of the logit of its class with respect to it.

    What comes before the map is computed without a graph, so that this costs little more than a forward pass.

    Args:
        model: The network, in evaluation mode.
        pixels: float (B, C, H, W) in [0, 1].
        classes: The class of each image, int64 (B,).
        place: The result of `find_last_map`.

    Returns:
        Both float (B, C, H, W) of the map.

    Raises:
        ModelError: The logits do not depend on the map in a way that can be differentiated.
    """
    leaves: list[Tensor] = []

    def start_here(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        leaves[:] = [output.detach().requires_grad_()]
        return leaves[0].clone()  # what follows may work in place

    hook = model.module.get_submodule(place.module).register_forward_hook(start_here)
    try:
        with torch.enable_grad():
            chosen = model(pixels).gather(1, classes[:, None]).sum()
            gradient = torch.autograd.grad(chosen, leaves[0], allow_unused=True)[0] if chosen.requires_grad else None
    finally:
        hook.remove()
    if gradient is None:
        raise ModelError(f"{model.architecture} has no gradient with respect to its last map ({place.module})")
    return _channels_first(leaves[0].detach(), place), _channels_first(gradient, place)


def _attention_input(module: Any) -> tuple[nn.Module, tuple[int, int]] | None:
    """The normalisation before the last attention of a vision transformer, and the grid of its patches."""
    blocks, grid = getattr(module, "blocks", None), getattr(getattr(module, "patch_embed", None), "grid_size", None)
    if isinstance(blocks, nn.Sequential | nn.ModuleList) and len(blocks) and grid is not None:
        norm = getattr(blocks[-1], "norm1", None)
        return (norm, tuple(grid)) if isinstance(norm, nn.Module) else None
    layers = getattr(getattr(module, "encoder", None), "layers", None)
    if isinstance(layers, nn.Sequential) and len(layers) and hasattr(module, "patch_size"):
        norm, side = getattr(layers[-1], "ln_1", None), module.image_size // module.patch_size
        return (norm, (side, side)) if isinstance(norm, nn.Module) else None
    return None


def _token_map(name: str, output: Tensor, grid: tuple[int, int]) -> MapPlace | None:
    height, width = grid
    if output.ndim != 3 or output.shape[1] < height * width or height * width < 2:
        return None
    return MapPlace(name, "tokens", height, width)


def _map_place(name: str, model: PixelModel, output: Tensor) -> MapPlace | None:
    if output.ndim != 4 or not name:
        return None
    last = output.shape[3] == getattr(model.module, "num_features", None) != output.shape[1]
    height, width = output.shape[1:3] if last else output.shape[2:4]
    if height * width < 2:
        return None
    return MapPlace(name, "channels last" if last else "channels first", height, width)


def _channels_first(output: Tensor, place: MapPlace) -> Tensor:
    if place.layout == "channels last":
        return output.permute(0, 3, 1, 2)
    if place.layout == "tokens":
        positions = output[:, -place.height * place.width :]
        return positions.transpose(1, 2).unflatten(2, (place.height, place.width))
    return output
