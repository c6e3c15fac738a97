"""The features of blocks before their last rectifier, and the batch normalisation whose output they are.

Where a network does not give them: a block's output may be rectified already (ResNets), then they are the input of that
rectifier; or it may be raw (pre-activation and Wide ResNets), then they are what the batch normalisation makes of it
before the next rectifier.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from robustkd.distillation.blocks import paper_block, probe
from robustkd.errors import ModelError
from robustkd.models import PixelModel


@dataclass(frozen=True, eq=False)
class Place:
    """Where the features of a block are before their rectifier.

    Attributes:
        rectifier: The rectifier, whose input they are.
        norm: The batch normalisation that gives them, or its share of a residual sum.
    """

    rectifier: nn.Module
    norm: nn.BatchNorm2d


def places_before_rectifiers(model: PixelModel, numbers: Sequence[int]) -> tuple[Place, ...]:
    """Find the rectifiers of blocks, by one grey image.

    Args:
        model: The network.
        numbers: The numbers of the blocks, as in the papers.

    Raises:
        ModelError: A block is not followed by a batch normalisation and a rectifier.
    """
    calls: dict[nn.Module, tuple[Tensor, Any]] = {}

    def keep(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        calls[module] = (inputs[0], output)

    with ExitStack() as stack, torch.no_grad():
        for module in model.module.modules():
            if isinstance(module, nn.ReLU | nn.BatchNorm2d):
                stack.callback(module.register_forward_hook(keep).remove)
        blocks = probe(model).blocks
    return tuple(_place(model, calls, paper_block(blocks, number), number) for number in numbers)


def features_before_rectifiers(
    model: PixelModel, places: Sequence[Place], pixels: Tensor
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Classify images, and return the features of blocks before their rectifiers.

    Args:
        model: The network.
        places: The places that `places_before_rectifiers` has found in it.
        pixels: float (B, C, H, W) in [0, 1].

    Returns:
        Logits (B, K), and for each place (B, C, H, W).
    """
    found: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        found[module] = inputs[0].clone()  # the rectifier may work in place

    with ExitStack() as stack:
        for place in places:
            stack.callback(place.rectifier.register_forward_pre_hook(keep).remove)
        logits = model(pixels)
    return logits, tuple(found[place.rectifier] for place in places)


def _place(model: PixelModel, calls: dict[nn.Module, tuple[Tensor, Any]], block: Tensor, number: int) -> Place:
    rectifiers = [module for module in calls if isinstance(module, nn.ReLU)]
    norms = [module for module in calls if isinstance(module, nn.BatchNorm2d) and module.affine]
    for rectifier in rectifiers:
        if calls[rectifier][1] is block:  # a residual sum has the statistics of the main path's last normalisation
            beside = [norm for norm in norms if _parent(model, norm) is _parent(model, rectifier)]
            if beside and beside[-1].num_features == block.shape[1]:
                return Place(rectifier, beside[-1])
        for norm in norms:
            if calls[norm][0] is block and calls[norm][1] is calls[rectifier][0]:
                return Place(rectifier, norm)
    raise ModelError(
        f"block {number} of {model.architecture} is not followed by a batch normalisation and a rectifier that are "
        "modules of their own: use networks such as ResNets and Wide ResNets, or another method"
    )


def _parent(model: PixelModel, module: nn.Module) -> nn.Module:
    name = next(name for name, each in model.module.named_modules() if each is module)
    return model.module.get_submodule(name.rpartition(".")[0])
