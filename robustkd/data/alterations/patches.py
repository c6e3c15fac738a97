"""Images cut into square patches that are put together in another order: texture stays, shape goes."""

from __future__ import annotations

import torch
from torch import Tensor

from robustkd.data.alterations.alteration import Alteration, generators_of
from robustkd.data.image_random import Generators

ACROSS = 4
"""The number of patches along the shorter side."""


def patch_shuffled(seed: int) -> Alteration:
    """Cut each image into patches, `ACROSS` along its shorter side, and shuffle them."""

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        return shuffled(images, generators_of("patches", seed, indices))

    return Alteration("shuffled patches", transform, {"seed": seed, "across": ACROSS})


def shuffled(images: Tensor, generators: Generators) -> Tensor:
    """Shuffle the patches of each image; what a whole number of patches does not cover stays where it is.

    Args:
        images: The images, (B, C, H, W).
        generators: The generator of each image, which draws the order of its patches.

    Returns:
        The images with their patches shuffled, of the same shape.
    """
    count, channels, height, width = images.shape
    side = max(min(height, width) // ACROSS, 1)
    rows, columns = height // side, width // side
    covered = images[:, :, : rows * side, : columns * side]
    patches = covered.reshape(count, channels, rows, side, columns, side).permute(0, 2, 4, 1, 3, 5)
    patches = patches.reshape(count, rows * columns, channels, side, side)
    orders = torch.stack([torch.from_numpy(each.permutation(rows * columns)) for each in generators])
    chosen = patches[torch.arange(count)[:, None], orders.to(images.device)]
    joined = chosen.reshape(count, rows, columns, channels, side, side).permute(0, 3, 1, 4, 2, 5)
    made = images.clone()
    made[:, :, : rows * side, : columns * side] = joined.reshape(covered.shape)
    return made
