"""MobileNetV2 for 32×32 images: Sandler et al., *MobileNetV2: Inverted Residuals and Linear Bottlenecks* (CVPR 2018).

Half as wide as the paper's, as in Tian, Krishnan, Isola, *Contrastive Representation Distillation* (ICLR 2020), whose
strides are those of the paper but for the first group of width 24, which keeps its size. ``width`` is the factor.
"""

from timm.models import generate_default_cfgs
from torch import Tensor, nn

from robustkd.models.staged_network import Networks, Trunk, cifar_cfg, register_staged_networks

NETWORKS: Networks = {"cifar_mobilenetv2": {}}

GROUPS = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
"""Expansion, channels, blocks and stride of each group of blocks (table 2 of the paper)."""

STAGES = ((0, 1), (2,), (3, 4), (5, 6))
"""The groups of each stage."""

LAST = 1280


class InvertedResidual(nn.Module):
    """Expand, convolve each channel, project; the sum with the input where both have one shape."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = in_channels * expansion
        self.residual = nn.Sequential(
            *_convolved(in_channels, inner, 1),
            *_convolved(inner, inner, 3, stride, groups=inner),
            nn.Conv2d(inner, out_channels, 1, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.adds = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H/stride, W/stride)."""
        return x + self.residual(x) if self.adds else self.residual(x)


def _convolved(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution, normalised and rectified."""
    convolution = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]


def _trunk(in_chans: int, width: float = 0.5) -> Trunk:
    channels = int(32 * width)
    stem = nn.Sequential(*_convolved(in_chans, channels, 3, 2))
    taps, reductions, stages = [channels], [2], []
    for groups in STAGES:
        blocks: list[nn.Module] = []
        reduction = reductions[-1]
        for expansion, full, count, stride in (GROUPS[group] for group in groups):
            for index in range(count):
                blocks.append(InvertedResidual(channels, int(full * width), stride if index == 0 else 1, expansion))
                channels = int(full * width)
            reduction *= stride
        stages.append(nn.Sequential(*blocks))
        taps.append(channels)
        reductions.append(reduction)
    last = nn.Sequential(*_convolved(channels, LAST, 1))
    return Trunk(stem, stages, taps, reductions, last, features=LAST)


default_cfgs = generate_default_cfgs({name: cifar_cfg() | {"first_conv": "stem.0"} for name in NETWORKS})
register_staged_networks(NETWORKS, __name__, _trunk, taps=1 + len(STAGES))
