"""Logits of the same size for all images, so that an attack cannot fail only because a network is confident."""

import math

from torch import Tensor, nn

WIDEST = 9.5
"""The largest gap between standardised logits, that of one winner over equal others. It is far below the gap of 17 at
which the softmax saturates in float32. For ten classes the standard deviation of the logits is 3.0."""


class StandardisedLogits(nn.Module):
    """A network whose logits are divided by their standard deviation over the classes, image by image.

    This changes no decision. The divisor is detached, so the gradient keeps the direction of the logits' own gradient.
    Multiplying a network's logits by a constant makes no difference here, but does to the cross-entropy.

    Args:
        model: The network, which maps pixels (B, C, H, W) to logits (B, K); it is put into evaluation mode.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels, float (B, C, H, W) in [0, 1], to logits (B, K) of standard deviation `WIDEST`/√K."""
        logits = self.model(pixels)
        scale = logits.detach().std(dim=1, keepdim=True).clamp_min(1e-30)
        # one winner over K − 1 equal others is √K standard deviations above them
        return WIDEST / math.sqrt(logits.shape[1]) * logits / scale
