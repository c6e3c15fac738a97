"""ShuffleNets for 32×32 images, as in Tian, Krishnan, Isola, *Contrastive Representation Distillation* (ICLR 2020).

`cifar_shufflenetv1`: Zhang et al., *ShuffleNet* (CVPR 2018), three groups, of full width. `cifar_shufflenetv2`: Ma et
al., *ShuffleNet V2* (ECCV 2018), of full width. Both begin with a 1×1 convolution in place of strides and pooling; the
stages of the second have one block more than in the paper.
"""

import torch
from timm.models import generate_default_cfgs
from torch import Tensor, nn

from robustkd.models.staged_network import Trunk, cifar_cfg, register_staged_networks

NETWORKS = {"cifar_shufflenetv1": {"version": 1}, "cifar_shufflenetv2": {"version": 2}}

STEM = 24
LAST = 1024


class Shuffle(nn.Module):
    """Mix the channels of all groups."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape: channel c of group g of G becomes channel g + cG."""
        grouped = x.unflatten(1, (self.groups, -1))
        return grouped.transpose(1, 2).flatten(1, 2)


class GroupedBlock(nn.Module):
    """A block of the first ShuffleNet: its first block of a stage halves the size, and appends the pooled input."""

    def __init__(self, in_channels: int, out_channels: int, *, halves: bool, groups: int = 3) -> None:
        super().__init__()
        new = out_channels - in_channels if halves else out_channels
        inner, stride = new // 4, 2 if halves else 1
        first = 1 if in_channels == STEM else groups  # the few channels of the stem are not cut into groups
        self.residual = nn.Sequential(
            *_convolved(in_channels, inner, 1, groups=first),
            nn.ReLU(),
            Shuffle(first),
            *_convolved(inner, inner, 3, stride, groups=inner),
            nn.ReLU(),
            *_convolved(inner, new, 1, groups=groups),
        )
        self.pool = nn.AvgPool2d(3, stride=2, padding=1) if halves else None
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W), or to half the height and width."""
        new = self.residual(x)
        return self.act(new + x if self.pool is None else torch.cat([new, self.pool(x)], dim=1))


class SplitBlock(nn.Module):
    """A block of the second ShuffleNet: half of the channels pass unchanged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.residual = nn.Sequential(
            *_convolved(half, half, 1),
            nn.ReLU(),
            *_convolved(half, half, 3, groups=half),
            *_convolved(half, half, 1),
            nn.ReLU(),
        )
        self.shuffle = Shuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        kept, changed = x.chunk(2, dim=1)
        return self.shuffle(torch.cat([kept, self.residual(changed)], dim=1))


class HalvingBlock(nn.Module):
    """The first block of a stage of the second ShuffleNet: both branches halve the size."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.left = nn.Sequential(
            *_convolved(in_channels, in_channels, 3, 2, groups=in_channels),
            *_convolved(in_channels, half, 1),
            nn.ReLU(),
        )
        self.right = nn.Sequential(
            *_convolved(in_channels, half, 1),
            nn.ReLU(),
            *_convolved(half, half, 3, 2, groups=half),
            *_convolved(half, half, 1),
            nn.ReLU(),
        )
        self.shuffle = Shuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H/2, W/2)."""
        return self.shuffle(torch.cat([self.left(x), self.right(x)], dim=1))


def _convolved(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution, normalised."""
    convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(out_channels)]


def _stem(in_chans: int) -> nn.Sequential:
    return nn.Sequential(*_convolved(in_chans, STEM, 1), nn.ReLU())


def _first(in_chans: int) -> Trunk:
    channels = (STEM, 240, 480, 960)
    stages = [
        nn.Sequential(
            GroupedBlock(before, after, halves=True),
            *[GroupedBlock(after, after, halves=False) for _ in range(blocks - 1)],
        )
        for before, after, blocks in zip(channels[:-1], channels[1:], (4, 8, 4), strict=True)
    ]
    return Trunk(_stem(in_chans), stages, channels, (1, 2, 4, 8))


def _second(in_chans: int) -> Trunk:
    channels = (STEM, 116, 232, 464)
    stages = [
        nn.Sequential(HalvingBlock(before, after), *[SplitBlock(after) for _ in range(blocks)])
        for before, after, blocks in zip(channels[:-1], channels[1:], (3, 7, 3), strict=True)
    ]
    last = nn.Sequential(*_convolved(channels[-1], LAST, 1), nn.ReLU())
    return Trunk(_stem(in_chans), stages, channels, (1, 2, 4, 8), last, features=LAST)


def _trunk(in_chans: int, version: int) -> Trunk:
    return _first(in_chans) if version == 1 else _second(in_chans)


default_cfgs = generate_default_cfgs({name: cifar_cfg() | {"first_conv": "stem.0"} for name in NETWORKS})
register_staged_networks(NETWORKS, __name__, _trunk)
