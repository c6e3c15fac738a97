"""How many images are attacked at once: as many as fit into the memory of a GPU, and as fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from robustkd.models.batch_size import images_at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from robustkd.models import PixelModel

ON_CPU = 250
MOST = 5000
"""More images than this do not make a GPU faster: it is full."""

TRIED = 16
"""The number of images whose memory is measured."""

SHARE = 0.4
"""The share of the free memory that is used: attacks keep more than one gradient step."""


def fitting_batch_size(models: Sequence[PixelModel], shape: tuple[int, int, int], device: torch.device) -> int:
    """Return the number of images of which every network can take gradients at once.

    Args:
        models: The networks, on the device.
        shape: (C, H, W) of the images.
        device: The device; on all but CUDA the number depends on the size of the images alone.
    """
    if device.type != "cuda":
        return images_at_once(ON_CPU, shape, device, gradients=True)
    needed = max(_bytes_per_image(model, shape, device) for model in models)
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(MOST, int(SHARE * free / needed)))


def _bytes_per_image(model: PixelModel, shape: tuple[int, int, int], device: torch.device) -> float:
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    pixels = torch.full((TRIED, *shape), 0.5, device=device, requires_grad=True)
    with torch.enable_grad():
        model(pixels).float().logsumexp(1).sum().backward(inputs=[pixels])
    return max(1.0, (torch.cuda.max_memory_allocated(device) - before) / TRIED)
