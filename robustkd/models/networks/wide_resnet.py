"""Wide ResNets of depth 6n+4: Zagoruyko & Komodakis, *Wide Residual Networks* (BMVC 2016), without dropout.

`cifar_wrn_16_2` is 16 layers deep and twice as wide as a ResNet (32-64-128). The output of a stage is the raw residual
sum, before normalisation and rectifier, and so has both signs.
"""

from timm.models import generate_default_cfgs
from torch import Tensor, nn

from robustkd.models.staged_network import Trunk, cifar_cfg, register_staged_networks, residual_stages

NETWORKS = {
    "cifar_wrn_10_1": {"depth": 10, "width": 1},
    "cifar_wrn_10_2": {"depth": 10, "width": 2},
    "cifar_wrn_16_1": {"depth": 16, "width": 1},
    "cifar_wrn_16_2": {"depth": 16, "width": 2},
    "cifar_wrn_16_4": {"depth": 16, "width": 4},
    "cifar_wrn_22_4": {"depth": 22, "width": 4},
    "cifar_wrn_28_2": {"depth": 28, "width": 2},
    "cifar_wrn_28_10": {"depth": 28, "width": 10},
    "cifar_wrn_40_1": {"depth": 40, "width": 1},
    "cifar_wrn_40_2": {"depth": 40, "width": 2},
}
"""Depths, and widths in multiples of 16-32-64."""


class PreactivationBlock(nn.Module):
    """Normalise, rectify, convolve, twice; where the shape changes the shortcut projects the rectified input."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.act1 = nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.act2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        changes_shape = in_channels != out_channels or stride != 1
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False) if changes_shape else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H/stride, W/stride), the raw sum."""
        activated = self.act1(self.bn1(x))
        residual = self.conv2(self.act2(self.bn2(self.conv1(activated))))
        return residual + (x if self.shortcut is None else self.shortcut(activated))


def _trunk(in_chans: int, depth: int, width: int) -> Trunk:
    stem = nn.Sequential()
    stem.add_module("conv", nn.Conv2d(in_chans, 16, 3, padding=1, bias=False))
    channels = (16, 16 * width, 32 * width, 64 * width)
    stages = residual_stages(PreactivationBlock, (depth - 4) // 6, channels)
    return Trunk(stem, stages, channels, (1, 1, 2, 4), nn.BatchNorm2d(channels[-1]), nn.ReLU())


default_cfgs = generate_default_cfgs({name: cifar_cfg() for name in NETWORKS})
register_staged_networks(NETWORKS, __name__, _trunk)
