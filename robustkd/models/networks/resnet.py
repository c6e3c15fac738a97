"""CIFAR ResNets of depth 6n+2: He et al., *Deep Residual Learning for Image Recognition* (CVPR 2016), section 4.2.

`cifar_resnet8` … `cifar_resnet26` are 16-32-64 wide; `cifar_resnet8x4` … `cifar_resnet26x4` are 64-128-256 wide with a
64-wide stem, which is what the published CIFAR-100 accuracies of sarfraz2020 fit. Shortcuts that change the shape are
1×1 projections with batch normalisation; `shortcut="zero_pad"` gives the parameter-free ones of the paper's option A.
"""

from functools import partial
from typing import Any

import torch.nn.functional as F
from timm.models import generate_default_cfgs, register_model
from torch import Tensor, nn

from robustkd.models.staged_network import build_staged_network, cifar_cfg

SHORTCUTS = ("projection", "zero_pad")
NAMES = (
    "cifar_resnet8",
    "cifar_resnet14",
    "cifar_resnet20",
    "cifar_resnet26",
    "cifar_resnet8x4",
    "cifar_resnet14x4",
    "cifar_resnet20x4",
    "cifar_resnet26x4",
)
default_cfgs = generate_default_cfgs({name: cifar_cfg() for name in NAMES})


class BasicBlock(nn.Module):
    """Two 3×3 convolutions, rectified after the addition."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, *, shortcut: str = "projection") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.act1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.act2 = nn.ReLU()
        if in_channels == out_channels and stride == 1:
            self.shortcut: nn.Module = nn.Identity()
        elif shortcut == "projection":
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )
        elif shortcut == "zero_pad":
            self.shortcut = ZeroPadShortcut(out_channels - in_channels, stride)
        else:
            raise ValueError(f"shortcut must be one of {SHORTCUTS}, got {shortcut!r}")

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H/stride, W/stride)."""
        y = self.act1(self.bn1(self.conv1(x)))
        return self.act2(self.bn2(self.conv2(y)) + self.shortcut(x))


class ZeroPadShortcut(nn.Module):
    """Subsample, then fill the missing channels with zeros, half before and half after."""

    def __init__(self, missing_channels: int, stride: int) -> None:
        super().__init__()
        self.before = missing_channels // 2
        self.after = missing_channels - self.before
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C + missing_channels, H/stride, W/stride)."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.before, self.after))


def _resnet(
    variant: str, depth: int, widen: int, pretrained: bool, shortcut: str = "projection", **kwargs: Any
) -> nn.Module:
    return build_staged_network(
        variant,
        pretrained,
        block=partial(BasicBlock, shortcut=shortcut),
        blocks_per_stage=(depth - 2) // 6,
        stem_width=16 * widen,
        widths=(16 * widen, 32 * widen, 64 * widen),
        preactivation=False,
        **kwargs,
    )


@register_model
def cifar_resnet8(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ResNet-8."""
    return _resnet("cifar_resnet8", 8, 1, pretrained, **kwargs)


@register_model
def cifar_resnet14(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ResNet-14."""
    return _resnet("cifar_resnet14", 14, 1, pretrained, **kwargs)


@register_model
def cifar_resnet20(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ResNet-20."""
    return _resnet("cifar_resnet20", 20, 1, pretrained, **kwargs)


@register_model
def cifar_resnet26(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ResNet-26."""
    return _resnet("cifar_resnet26", 26, 1, pretrained, **kwargs)


@register_model
def cifar_resnet8x4(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ResNet-8, four times as wide."""
    return _resnet("cifar_resnet8x4", 8, 4, pretrained, **kwargs)


@register_model
def cifar_resnet14x4(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ResNet-14, four times as wide."""
    return _resnet("cifar_resnet14x4", 14, 4, pretrained, **kwargs)


@register_model
def cifar_resnet20x4(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ResNet-20, four times as wide."""
    return _resnet("cifar_resnet20x4", 20, 4, pretrained, **kwargs)


@register_model
def cifar_resnet26x4(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """ResNet-26, four times as wide."""
    return _resnet("cifar_resnet26x4", 26, 4, pretrained, **kwargs)
