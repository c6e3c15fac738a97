"""The blocks of the papers' networks, found in any network.

The papers' networks have a stem and blocks 1, 2, 3. timm's networks list three to twelve feature maps, and not all of
them list the stem. Blocks are therefore counted from the end: block 3 is the last feature map, block 2 the last but
one, block 1 the third from the end, and the stem (block 0) the fourth from the end.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustkd.errors import ModelError
from robustkd.models import Outputs, PixelModel

T = TypeVar("T")


def paper_block(entries: Sequence[T], number: int) -> T:
    """Return the entry of one of the papers' blocks.

    Args:
        entries: One entry per feature map of a network, such as `Outputs.blocks` or `PixelModel.block_channels`.
        number: 0 for the stem, 1 to 3 for a block.

    Raises:
        ModelError: The network lists too few feature maps.
    """
    from_end = 4 - number
    if len(entries) < from_end:
        raise ModelError(
            f"block {number} is feature map {from_end} from the end, and this network lists {len(entries)}: "
            "choose a method that needs fewer blocks"
        )
    return entries[-from_end]


def to_common_size(
    first: Tensor, second: Tensor, pool: Callable[[Tensor, Any], Tensor] = F.adaptive_avg_pool2d
) -> tuple[Tensor, Tensor]:
    """Pool the larger of two maps, (B, C, H, W) each, to the size of the smaller; height and width separately."""
    height, width = (min(first.shape[axis], second.shape[axis]) for axis in (2, 3))
    pooled = [each if each.shape[2:] == (height, width) else pool(each, (height, width)) for each in (first, second)]
    return pooled[0], pooled[1]


def probe(model: PixelModel) -> Outputs:
    """Return a network's outputs for one grey image, in evaluation mode; its mode is restored."""
    training = model.training
    try:
        return model.eval().outputs(probe_pixels(model))
    finally:
        model.train(training)


def probe_pixels(model: PixelModel) -> Tensor:
    """Return one grey image of a size that a network takes, (1, C, H, W), on its device."""
    device = next(model.parameters()).device
    return torch.full((1, getattr(model.module, "in_chans", 3), *_image_size(model)), 0.5, device=device)


def parameters_behind(model: PixelModel, numbers: Iterable[int]) -> list[nn.Parameter]:
    """Return the trainable parameters that blocks depend on, as autograd finds them.

    Args:
        model: The network.
        numbers: The numbers of the blocks, as in the papers.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    blocks = probe(model).blocks
    reached = torch.autograd.grad(
        sum((paper_block(blocks, number).sum() for number in numbers), torch.zeros(())), parameters, allow_unused=True
    )
    return [parameter for parameter, gradient in zip(parameters, reached, strict=True) if gradient is not None]


def _image_size(model: PixelModel) -> tuple[int, int]:
    cfg = getattr(model.module, "default_cfg", None) or {}
    size = model.image_size or model.options.get("img_size") or cfg.get("input_size", (3, 32, 32))[1:]
    return (size, size) if isinstance(size, int) else tuple(size)
