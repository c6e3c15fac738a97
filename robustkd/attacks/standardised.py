"""Logits of one size for all images, so that an attack cannot fail for a network's confidence alone."""

import math

from torch import Tensor, nn

WIDEST = 9.5
"""The largest gap that standardised logits can have, which is that of a winner over equal others, far from where the
softmax saturates in float32 (a gap of 17); for ten classes their standard deviation is 3.0."""


class StandardisedLogits(nn.Module):
    """A network whose logits are divided by their standard deviation over the classes, image by image.

    That changes no decision. The gradient does not see the divisor: it has the direction of the logits' own.
    Multiplying a network's logits by a constant makes no difference behind it, where it does to the cross-entropy.

    Args:
        model: Pixels (B, C, H, W) to logits (B, K); put into evaluation mode.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        """Classify; float (B, C, H, W) in [0, 1] to logits (B, K) of standard deviation `WIDEST`/√K."""
        logits = self.model(pixels)
        scale = logits.detach().std(dim=1, keepdim=True).clamp_min(1e-30)
        # one winner over K − 1 equal others is √K standard deviations above them
        return WIDEST / math.sqrt(logits.shape[1]) * logits / scale
