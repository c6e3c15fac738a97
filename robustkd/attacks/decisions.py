"""The classes that networks decide on in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING

from robustkd.arithmetic import tensor_float32

if TYPE_CHECKING:
    import torch
    from torch import Tensor

DOUBT = 0.01
"""A decision is in doubt if the two largest logits differ by less than this share of the range of all logits. TF32
changed no logit of a trained WRN-40-2 or WRN-16-2 by more than 0.0008 of that range.
"""

AT_ONCE = 256
"""Images in doubt are computed in batches of this size, because a GPU prepares anew for each size that it meets."""


def decided_classes(model: torch.nn.Module, pixels: Tensor) -> Tensor:
    """Return the classes of the largest logits in float32.

    NVIDIA GPUs compute TF32 three times as fast: there, only the images whose decision is in doubt are computed again
    in float32.

    Args:
        model: The network, in evaluation mode.
        pixels: The images, float32 (B, C, H, W) in [0, 1].

    Returns:
        int64 (B,).
    """
    import torch

    with torch.no_grad():
        if pixels.device.type != "cuda":
            return model(pixels).argmax(1)
        with tensor_float32(True):
            logits = model(pixels)
        classes = logits.argmax(1)
        margins = margins_of(logits)
        doubtful = int((margins < DOUBT).sum())
        with tensor_float32(False):
            for chosen in margins.argsort()[: -(-doubtful // AT_ONCE) * AT_ONCE].split(AT_ONCE):
                classes[chosen] = model(pixels[chosen]).argmax(1)
        return classes


def margins_of(logits: Tensor) -> Tensor:
    """Return the difference of the two largest logits, as a share of the range of all.

    Args:
        logits: (B, K), K > 1.

    Returns:
        (B,), 0 to 1; NaN where all are equal.
    """
    first, second = logits.topk(2, dim=1).values.unbind(1)
    return (first - second) / (first - logits.amin(1))
