"""`example_tiny_cnn`: two convolutions and a linear classifier, registered with timm."""

from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

default_cfgs = generate_default_cfgs(
    {"example_tiny_cnn": {"num_classes": 10, "input_size": (3, 32, 32), "first_conv": "conv1", "classifier": "fc"}}
)


class TinyCNN(nn.Module):
    """Two strided convolutions, mean over the positions, and a linear classifier.

    Args:
        num_classes: The number of outputs.
        in_chans: The number of channels of the images.
        width: The number of channels of the first convolution; the second has twice as many.
    """

    def __init__(self, num_classes: int = 10, in_chans: int = 3, width: int = 8) -> None:
        super().__init__()
        self.num_classes, self.in_chans, self.num_features = num_classes, in_chans, 2 * width
        self.conv1 = nn.Conv2d(in_chans, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.fc = nn.Linear(2 * width, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, 2·width, H/4, W/4)."""
        return self.conv2(self.conv1(x).relu()).relu()

    def forward_head(self, x: Tensor, pre_logits: bool = False) -> Tensor:
        """Feature maps to logits (B, K), or to pooled features (B, 2·width)."""
        pooled = x.mean(dim=(2, 3))
        return pooled if pre_logits else self.fc(pooled)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to logits (B, K)."""
        return self.forward_head(self.forward_features(x))


@register_model
def example_tiny_cnn(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Build the network, as timm asks for it."""
    return build_model_with_cfg(TinyCNN, "example_tiny_cnn", pretrained, **kwargs)
