"""What a network computes before its logits: block outputs and pooled features, or what can be read of them."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models.ensembles import Ensemble
from robustkd.models.pixel_model import PixelModel


@dataclass(frozen=True, eq=False)
class Features:
    """The features of a batch.

    Attributes:
        names: The names of the block outputs, as the network gives them.
        blocks: The block outputs, (B, C, H, W) or (B, C), in their order; none where the network does not give them.
        pooled: The input of the classifier, (B, F).
    """

    names: tuple[str, ...]
    blocks: tuple[Tensor, ...]
    pooled: Tensor


def features_of(model: PixelModel, pixels: Tensor) -> Features:
    """Read the features of a batch.

    A network with timm's `forward_intermediates` and `forward_head` gives block outputs and pooled features. Of any
    other network, the input of the linear layer that ran last is taken for the pooled features.

    Args:
        model: The network.
        pixels: float (B, C, H, W) in [0, 1].

    Raises:
        ModelError: The network is an ensemble, or it has no such methods and no linear layer whose input has a row for
            each image.
    """
    module: Any = model.module
    if isinstance(module, Ensemble):  # the last linear layer would be that of its last network
        raise ModelError(f"{model.architecture} has no features of its own")
    if hasattr(module, "forward_intermediates") and hasattr(module, "forward_head"):
        found = model.outputs(pixels)
        return Features(_names(module, len(found.blocks)), found.blocks, found.pooled.flatten(1))
    return Features((), (), _last_linear_input(model, pixels))


def _names(module: Any, blocks: int) -> tuple[str, ...]:
    """The names that timm's `feature_info` lists, made distinct; numbers where it lists others."""
    names = tuple(str(info.get("module", "")) for info in getattr(module, "feature_info", None) or [])
    if len(names) == blocks == len(set(names)) and all(names):
        return names
    return tuple(f"block {place + 1}" for place in range(blocks))


def _last_linear_input(model: PixelModel, pixels: Tensor) -> Tensor:
    seen: list[Tensor] = []

    def keep(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        seen[:] = [each for each in inputs[:1] if isinstance(each, Tensor)]

    hooks = [each.register_forward_pre_hook(keep) for each in model.module.modules() if isinstance(each, nn.Linear)]
    try:
        model(pixels)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen or seen[0].ndim != 2 or len(seen[0]) != len(pixels):
        raise ModelError(
            f"{model.architecture} gives logits only: it has neither timm's forward_intermediates and forward_head nor "
            "a last linear layer"
        )
    return seen[0]
