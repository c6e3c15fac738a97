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
        first, second = logits.topk(2, dim=1).values.unbind(1)
        doubtful = (first - second < DOUBT * (first - logits.amin(1))).nonzero()[:, 0]
        classes = logits.argmax(1)
        if len(doubtful):
            with tensor_float32(False):
                classes[doubtful] = model(pixels[doubtful]).argmax(1)
        return classes
