"""CIFAR ResNets of depth 6n+2: He et al., *Deep Residual Learning for Image Recognition* (CVPR 2016), section 4.2.

`cifar_resnet8` … `cifar_resnet110` are 16-32-64 wide; `cifar_resnet8x4` … `cifar_resnet32x4` are 64-128-256 wide with a
64-wide stem, which is what the published CIFAR-100 accuracies of sarfraz2020 fit; ``stem_width=32`` gives those of
Tian, Krishnan, Isola, *Contrastive Representation Distillation* (ICLR 2020). Shortcuts that change the shape are 1×1
projections with batch normalisation; ``shortcut="zero_pad"`` gives the parameter-free ones of the paper's option A.
`cifar_resnet8_ruffy2019` and its deeper siblings have a 64-wide stem and classify 2×2 pooled features (Ruffy, Chahal,
arXiv 1912.10850).
"""

from functools import partial

import torch.nn.functional as F
from timm.models import generate_default_cfgs
from torch import Tensor, nn

from robustkd.models.staged_network import Networks, Trunk, cifar_cfg, register_staged_networks, residual_stages

SHORTCUTS = ("projection", "zero_pad")

NETWORKS: Networks = {
    "cifar_resnet8": {"depth": 8, "width": 1},
    "cifar_resnet14": {"depth": 14, "width": 1},
    "cifar_resnet20": {"depth": 20, "width": 1},
    "cifar_resnet26": {"depth": 26, "width": 1},
    "cifar_resnet32": {"depth": 32, "width": 1},
    "cifar_resnet44": {"depth": 44, "width": 1},
    "cifar_resnet56": {"depth": 56, "width": 1},
    "cifar_resnet110": {"depth": 110, "width": 1},
    "cifar_resnet8x4": {"depth": 8, "width": 4},
    "cifar_resnet14x4": {"depth": 14, "width": 4},
    "cifar_resnet20x4": {"depth": 20, "width": 4},
    "cifar_resnet26x4": {"depth": 26, "width": 4},
    "cifar_resnet32x4": {"depth": 32, "width": 4},
    "cifar_resnet8_gn": {"depth": 8, "width": 1, "normalisation": "group"},
    "cifar_resnet20_gn": {"depth": 20, "width": 1, "normalisation": "group"},
    "cifar_resnet8_ruffy2019": {"depth": 8, "width": 1, "stem_width": 64, "pooled_size": 2},
    "cifar_resnet20_ruffy2019": {"depth": 20, "width": 1, "stem_width": 64, "pooled_size": 2},
    "cifar_resnet26_ruffy2019": {"depth": 26, "width": 1, "stem_width": 64, "pooled_size": 2},
}
"""Depths, and widths in multiples of 16-32-64."""


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


def trunk(
    in_chans: int,
    depth: int,
    width: int,
    stem_width: int | None = None,
    shortcut: str = "projection",
    stages: int = 3,
) -> Trunk:
    """Build stem and stages, each twice as wide as the one before.

    Args:
        in_chans: The number of image channels.
        depth: The number of layers with weights, without the shortcuts.
        width: The width of the first stage, in multiples of 16.
        stem_width: The width of the stem; that of the first stage if not given.
        shortcut: One of `SHORTCUTS`.
        stages: The number of stages.
    """
    stem_width = stem_width or 16 * width
    stem = nn.Sequential()
    stem.add_module("conv", nn.Conv2d(in_chans, stem_width, 3, padding=1, bias=False))
    stem.add_module("bn", nn.BatchNorm2d(stem_width))
    stem.add_module("act", nn.ReLU(inplace=True))
    channels = (stem_width, *(16 * width * 2**index for index in range(stages)))
    built = residual_stages(partial(BasicBlock, shortcut=shortcut), (depth - 2) // (2 * stages), channels)
    return Trunk(stem, built, channels, (1, *(2**index for index in range(stages))))


default_cfgs = generate_default_cfgs({name: cifar_cfg() for name in NETWORKS})
register_staged_networks(NETWORKS, __name__, trunk)
