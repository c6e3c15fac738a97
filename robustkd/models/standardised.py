"""Logits of one size for all images, so that an attack cannot fail for a network's confidence alone."""

from torch import Tensor, nn

SPREAD = 3.0
"""Their standard deviation: the softmax of ten classes then neither saturates nor goes flat."""


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
        """Classify; float (B, C, H, W) in [0, 1] to logits (B, K) of standard deviation `SPREAD`."""
        logits = self.model(pixels)
        scale = logits.detach().std(dim=1, keepdim=True).clamp_min(1e-30)
        return SPREAD * logits / scale
