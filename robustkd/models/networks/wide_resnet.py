"""Wide ResNets of depth 6n+4: Zagoruyko & Komodakis, *Wide Residual Networks* (BMVC 2016), without dropout.

`cifar_wrn_16_2` is 16 layers deep and twice as wide as a ResNet (32-64-128). The output of a stage is the raw residual
sum, before normalisation and rectifier, and so has both signs.
"""

from typing import Any

from timm.models import generate_default_cfgs, register_model
from torch import Tensor, nn

from robustkd.models.staged_network import build_staged_network, cifar_cfg

NAMES = ("cifar_wrn_10_1", "cifar_wrn_10_2", "cifar_wrn_16_2", "cifar_wrn_28_2", "cifar_wrn_40_2")
default_cfgs = generate_default_cfgs({name: cifar_cfg() for name in NAMES})


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


def _wide_resnet(variant: str, depth: int, widen: int, pretrained: bool, **kwargs: Any) -> nn.Module:
    return build_staged_network(
        variant,
        pretrained,
        block=PreactivationBlock,
        blocks_per_stage=(depth - 4) // 6,
        stem_width=16,
        widths=(16 * widen, 32 * widen, 64 * widen),
        preactivation=True,
        **kwargs,
    )


@register_model
def cifar_wrn_10_1(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """WRN-10-1."""
    return _wide_resnet("cifar_wrn_10_1", 10, 1, pretrained, **kwargs)


@register_model
def cifar_wrn_10_2(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """WRN-10-2."""
    return _wide_resnet("cifar_wrn_10_2", 10, 2, pretrained, **kwargs)


@register_model
def cifar_wrn_16_2(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """WRN-16-2."""
    return _wide_resnet("cifar_wrn_16_2", 16, 2, pretrained, **kwargs)


@register_model
def cifar_wrn_28_2(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """WRN-28-2."""
    return _wide_resnet("cifar_wrn_28_2", 28, 2, pretrained, **kwargs)


@register_model
def cifar_wrn_40_2(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """WRN-40-2."""
    return _wide_resnet("cifar_wrn_40_2", 40, 2, pretrained, **kwargs)
