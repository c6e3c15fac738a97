"""A network whose features are projected into those of another network, and classified by the other's classifier.

Chen et al., *Knowledge Distillation with the Reused Teacher Classifier* (CVPR 2022), train such a network. It consists
of a trunk, which is any network that timm knows, without its own classifier; of a projector with three convolutions;
and of a linear classifier of the average-pooled projection. Options: `trunk`, the name of the trunk, and
`trunk_options`, its own options; `features`, the number of channels that the classifier sees; `bottleneck`, by which
the inner convolutions of the projector are narrower.
"""

from collections.abc import Mapping
from typing import Any

import timm
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

NETWORKS: dict[str, dict[str, Any]] = {"reused_classifier": {}}
"""Its structure is all in its options."""


class ReusedClassifier(nn.Module):
    """Trunk, projector, average pooling, linear classifier.

    Args:
        trunk: The name of the trunk.
        trunk_options: The arguments of timm's `create_model` for the trunk, besides classes and channels.
        features: The number of channels after the projection.
        bottleneck: The factor by which the inner convolutions of the projector are narrower.
        num_classes: The number of classes; 0 for no classifier.
        in_chans: The number of image channels.
    """

    def __init__(
        self,
        trunk: str = "cifar_wrn_16_2",
        trunk_options: Mapping[str, Any] | None = None,
        features: int = 128,
        bottleneck: int = 2,
        num_classes: int = 10,
        in_chans: int = 3,
    ) -> None:
        super().__init__()
        if "/" in trunk or ":" in trunk or not timm.is_model(trunk):
            raise ValueError(f"unknown trunk {trunk!r}")
        self.trunk: Any = timm.create_model(trunk, num_classes=0, in_chans=in_chans, **(trunk_options or {}))
        self.in_chans = in_chans
        self.num_features = self.head_hidden_size = features
        self.feature_info = self.trunk.feature_info
        self.projector = _projector(self.trunk.num_features, max(1, features // bottleneck), features)
        self.reset_classifier(num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images (B, C, H, W) to logits (B, K)."""
        return self.forward_head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """Images to the projected feature map, (B, features, H', W')."""
        projected: Tensor = self.projector(self.trunk.forward_features(x))
        return projected

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Pool the projected feature map; classify it unless `pre_logits`."""
        x = x.mean(dim=(2, 3))
        return x if pre_logits else self.fc(x)

    def forward_intermediates(self, x: Tensor, *args: Any, intermediates_only: bool = False, **kwargs: Any) -> Any:
        """Return the projected feature map, and the outputs of the trunk's blocks; see the trunk for the arguments."""
        if intermediates_only:
            return self.trunk.forward_intermediates(x, *args, intermediates_only=True, **kwargs)
        features, blocks = self.trunk.forward_intermediates(x, *args, **kwargs)
        return self.projector(features), blocks

    def get_classifier(self) -> nn.Module:
        """The linear layer."""
        return self.fc

    def reset_classifier(self, num_classes: int) -> None:
        """Replace the classifier by a new one."""
        self.num_classes = num_classes
        self.fc: nn.Module = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()


def _projector(channels: int, inner: int, features: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after, kernel in ((channels, inner, 1), (inner, inner, 3), (inner, features, 1)):
        layers += [nn.Conv2d(before, after, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


default_cfgs = generate_default_cfgs(
    {"reused_classifier": {"url": "", "num_classes": 10, "input_size": (3, 32, 32), "classifier": "fc"}}
)


def reused_classifier(pretrained: bool = False, **options: Any) -> Any:
    """Build a network with a reused classifier."""
    return build_model_with_cfg(ReusedClassifier, "reused_classifier", pretrained, **options)


register_model(reused_classifier)
