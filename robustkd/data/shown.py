"""What a training shows of its images: policies, rotations, colours, and mixtures of pairs."""

import math

import torch
from torch import Tensor

from robustkd.data.alterations.colour import jittered
from robustkd.data.alterations.geometry import resampled, rotations
from robustkd.data.distillation_data import DistillationData
from robustkd.data.epoch_draws import MixingDraws


def changed(pixels: Tensor, data: DistillationData, draws: Tensor) -> Tensor:
    """Rotate, flip and recolour images.

    Args:
        pixels: float32 (B, C, H, W) in [0, 1].
        data: What is asked for.
        draws: float32 (B, CHANGES) in [0, 1).

    Returns:
        float32 (B, C, H, W) in [0, 1].
    """
    if data.rotation:
        angles = (2 * draws[:, 0] - 1) * math.radians(data.rotation)
        pixels = resampled(pixels, rotations(angles, *pixels.shape[-2:]), torch.zeros_like(draws[:, :2]))
    if data.vertical_flip:
        pixels = torch.where(draws[:, 1, None, None, None] < 0.5, pixels.flip(2), pixels)
    if data.colour_jitter:
        pixels = jittered(pixels, data.colour_jitter * (2 * draws[:, 2:] - 1))
    return pixels


def mixed(pixels: Tensor, partners: Tensor, data: DistillationData, draws: MixingDraws) -> tuple[Tensor, Tensor]:
    """Mix images with others.

    Args:
        pixels: float32 (B, C, H, W).
        partners: int64 (B,), the places of the others among these images.
        data: How they are mixed.
        draws: The choices for these images.

    Returns:
        float32 (B, C, H, W); and the share of the first image in each mixture, float32 (B,).
    """
    if data.mixing == "mixup":
        share = draws.shares[:, None, None, None]
        return share * pixels + (1 - share) * pixels[partners], draws.shares
    inside = _rectangles(draws, *pixels.shape[-2:])
    share = 1 - inside.float().mean(dim=(1, 2))
    return torch.where(inside[:, None], pixels[partners], pixels), share


def _rectangles(draws: MixingDraws, height: int, width: int) -> Tensor:
    """The rectangle of CutMix in each image, bool (B, H, W); what lies beyond the border is cut off."""
    within = []
    for axis, side in enumerate((height, width)):
        half = side * (1 - draws.shares).sqrt() / 2
        centre = draws.centres[:, axis] * side
        places = torch.arange(side, device=draws.shares.device) + 0.5
        within.append((places - centre[:, None]).abs() < half[:, None])
    return within[0][:, :, None] & within[1][:, None, :]
