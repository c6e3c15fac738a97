"""Several networks attacked together."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class AveragedLogits(nn.Module):
    """The mean of the logits of several networks.

    Dong et al., *Boosting Adversarial Attacks with Momentum* (CVPR 2018), section 3.3, with equal weights.

    Args:
        models: The networks, which map pixels (B, C, H, W) to logits (B, K); they are put into evaluation mode.
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels, float (B, C, H, W) in [0, 1], to logits (B, K)."""
        return torch.stack([model(pixels) for model in self.models]).mean(dim=0)
