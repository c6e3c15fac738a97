"""CIFAR ResNets with pre-activation: He et al., *Identity Mappings in Deep Residual Networks* (ECCV 2016).

As in Stanton et al., *Does Knowledge Distillation Really Work?* (NeurIPS 2021): from depth 44 on, blocks are
bottlenecks and the depth is 9n+2, otherwise 6n+2; where the shape changes, the shortcut projects the input of the block
as it is, neither normalised nor rectified. `cifar_preact_resnet20_ln` and `cifar_preact_resnet20_gn` have layer and
group normalisation instead of batch normalisation; the option ``normalisation`` gives them to all networks here.
"""

from functools import partial

from timm.models import generate_default_cfgs
from torch import Tensor, nn

from robustkd.models.staged_network import Networks, Trunk, cifar_cfg, register_staged_networks, residual_stages

NETWORKS: Networks = {
    "cifar_preact_resnet20": {"depth": 20},
    "cifar_preact_resnet56": {"depth": 56},
    "cifar_preact_resnet110": {"depth": 110},
    "cifar_preact_resnet20_ln": {"depth": 20, "normalisation": "layer"},
    "cifar_preact_resnet20_gn": {"depth": 20, "normalisation": "group"},
}

BOTTLENECK_FROM = 44
EXPANSION = 4
"""The width of a bottleneck's output, in multiples of its inner width."""


class PreactivationBlock(nn.Module):
    """Normalise, rectify, convolve, for each kernel in turn; the result is added to the input."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, *, kernels: tuple[int, ...]) -> None:
        super().__init__()
        inner = out_channels if len(kernels) == 2 else out_channels // EXPANSION
        channels = (in_channels, *[inner] * (len(kernels) - 1), out_channels)
        strided = kernels.index(3)
        layers: list[nn.Module] = []
        for index, kernel in enumerate(kernels):
            step = stride if index == strided else 1
            layers += [
                nn.BatchNorm2d(channels[index]),
                nn.ReLU(),
                nn.Conv2d(channels[index], channels[index + 1], kernel, step, padding=kernel // 2, bias=False),
            ]
        self.residual = nn.Sequential(*layers)
        changes_shape = in_channels != out_channels or stride != 1
        self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False) if changes_shape else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H/stride, W/stride), the raw sum."""
        return self.residual(x) + self.shortcut(x)


def _trunk(in_chans: int, depth: int) -> Trunk:
    bottleneck = depth >= BOTTLENECK_FROM
    blocks, kernels = ((depth - 2) // 9, (1, 3, 1)) if bottleneck else ((depth - 2) // 6, (3, 3))
    widths = (EXPANSION * width if bottleneck else width for width in (16, 32, 64))
    channels = (16, *widths)
    stem = nn.Sequential()
    stem.add_module("conv", nn.Conv2d(in_chans, 16, 3, padding=1, bias=False))
    stages = residual_stages(partial(PreactivationBlock, kernels=kernels), blocks, channels)
    return Trunk(stem, stages, channels, (1, 1, 2, 4), nn.BatchNorm2d(channels[-1]), nn.ReLU())


default_cfgs = generate_default_cfgs({name: cifar_cfg() for name in NETWORKS})
register_staged_networks(NETWORKS, __name__, _trunk)
