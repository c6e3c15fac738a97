"""The ResNet-18 of He et al. (CVPR 2016) for 32×32: a 3×3 stem without pooling, four stages, 64 to 512 wide."""

from timm.models import generate_default_cfgs

from robustkd.models.networks.resnet import trunk
from robustkd.models.staged_network import Networks, cifar_cfg, register_staged_networks

NETWORKS: Networks = {"cifar_resnet18": {"depth": 18, "width": 4, "stages": 4}}

default_cfgs = generate_default_cfgs({name: cifar_cfg() for name in NETWORKS})
register_staged_networks(NETWORKS, __name__, trunk, taps=5)
