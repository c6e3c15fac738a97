"""CIFAR VGGs: Simonyan, Zisserman, *Very Deep Convolutional Networks* (ICLR 2015), with a single linear layer.

As in Tian, Krishnan, Isola, *Contrastive Representation Distillation* (ICLR 2020): convolutions with batch
normalisation, five groups, and a pooling before all of them but the first and the last, so that the last two see images
of one size. ``pool_last=True`` halves the size before the last group too.
"""

from timm.models import generate_default_cfgs
from torch import nn

from robustkd.models.staged_network import Trunk, cifar_cfg, register_staged_networks

NETWORKS = {
    "cifar_vgg8": {"depth": 8},
    "cifar_vgg11": {"depth": 11},
    "cifar_vgg13": {"depth": 13},
    "cifar_vgg16": {"depth": 16},
    "cifar_vgg19": {"depth": 19},
}

WIDTHS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {8: (1, 1, 1, 1, 1), 11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""The number of convolutions of each group, by the number of layers with weights; 11 to 19 as in the paper, where three
layers are fully connected."""


class Group(nn.Sequential):
    """An optional pooling; then convolutions of one width, each normalised and rectified."""

    def __init__(self, in_channels: int, out_channels: int, convolutions: int, *, pool: bool) -> None:
        layers: list[nn.Module] = [nn.MaxPool2d(2)] if pool else []
        for _ in range(convolutions):
            layers += [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU()]
            in_channels = out_channels
        super().__init__(*layers)


def _trunk(in_chans: int, depth: int, pool_last: bool = False) -> Trunk:
    inputs, counts = (in_chans, *WIDTHS[:-1]), CONVOLUTIONS[depth]
    pools = (False, True, True, True, pool_last)
    stem, *stages = (
        Group(before, after, count, pool=pool)
        for before, after, count, pool in zip(inputs, WIDTHS, counts, pools, strict=True)
    )
    return Trunk(stem, stages, WIDTHS, (1, 2, 4, 8, 16 if pool_last else 8))


default_cfgs = generate_default_cfgs({name: cifar_cfg() | {"first_conv": "stem.0"} for name in NETWORKS})
register_staged_networks(NETWORKS, __name__, _trunk, taps=5)
