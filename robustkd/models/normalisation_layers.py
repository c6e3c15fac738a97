"""Networks that normalise each image by itself, instead of by the statistics of a batch."""

from typing import Literal

from torch import nn

Normalisation = Literal["batch", "group", "layer"]

GROUP = 8
"""The number of channels of a group."""


def with_normalisation(network: nn.Module, kind: Normalisation) -> nn.Module:
    """Replace the batch normalisation of a network, in place.

    Args:
        network: The network.
        kind: ``group`` normalises groups of `GROUP` channels of an image (Wu and He, arXiv 1803.08494); ``layer`` all
            channels and places of an image; ``batch`` changes nothing.

    Returns:
        The network.

    Raises:
        ValueError: The kind is unknown.
    """
    if kind not in ("batch", "group", "layer"):
        raise ValueError(f"normalisation must be batch, group or layer, got {kind!r}")
    if kind == "batch":
        return network
    for name, module in list(network.named_children()):
        if isinstance(module, nn.BatchNorm2d):
            channels = module.num_features
            groups = max(1, channels // GROUP) if kind == "group" and channels % GROUP == 0 else 1
            setattr(network, name, nn.GroupNorm(groups, channels, eps=module.eps))
        else:
            with_normalisation(module, kind)
    return network
