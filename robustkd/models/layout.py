"""The memory layout in which a CPU convolves fastest: the channels of a pixel beside each other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_LIBRARIES = ("timm", "torchvision", "robustkd", "torch.nn.modules")
"""Their layers read maps in any layout; other code may use `view`, which fails in this one."""


def takes_channels_last(network: nn.Module) -> bool:
    """Return whether all layers of a network are of libraries that support the channels-last layout.

    >>> takes_channels_last(nn.Conv2d(3, 8, 3))
    True
    """
    return all(_is_of_library(type(module).__module__) for module in network.modules())


def channels_last(pixels: Tensor) -> Tensor:
    """Return images in channels-last layout; gradients keep the layout of the images that are given.

    Args:
        pixels: float (B, C, H, W).
    """
    if pixels.requires_grad and torch.is_grad_enabled():
        ordered: Tensor = _ChannelsLast.apply(pixels)
        return ordered
    return pixels.contiguous(memory_format=torch.channels_last)


class _ChannelsLast(torch.autograd.Function):
    """Reorders images; attacks `view` the gradient, which needs the layout of the images."""

    @staticmethod
    def forward(ctx: Any, pixels: Tensor) -> Tensor:
        return pixels.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0].contiguous()


def _is_of_library(module: str) -> bool:
    return any(module == library or module.startswith(f"{library}.") for library in _LIBRARIES)
