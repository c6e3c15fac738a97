"""Jittered colours, as in the augmentation of the same name."""

from __future__ import annotations

import torch
from torch import Tensor

from robustkd.data.alterations.alteration import Alteration, drawn, generators_of, luma, to_bytes
from robustkd.data.image_set import to_pixels


def colour_jitter(strength: float, seed: int) -> Alteration:
    """Change brightness, contrast, saturation and hue, in this order, as torchvision's `ColorJitter` does.

    The factors of the first three are drawn uniformly from 1 − `strength` to 1 + `strength`, the turn of the hue from
    −`strength`/2 to `strength`/2 of the circle: at 0.4 this is the jitter that Ojha et al. 2023 train and test with.
    Images of one channel only change in brightness and contrast.

    Args:
        strength: The strength, at least 0.
        seed: The seed of the draws; jitters of other strengths change the same image in the same direction.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        draws = drawn(generators_of("colour", seed, indices), lambda each: each.uniform(-1, 1, 4), images)
        return to_bytes(jittered(to_pixels(images), draws * strength))

    return Alteration("colour jitter", transform, {"strength": strength, "seed": seed})


def jittered(pixels: Tensor, changes: Tensor) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order; without colours, only the first two.

    Args:
        pixels: float32 (B, C, H, W) in [0, 1].
        changes: float32 (B, 4): what is added to the factor 1 of brightness, contrast and saturation, and twice the
            share of the circle that the hue is turned by.

    Returns:
        float32 (B, C, H, W) in [0, 1].
    """
    brightness, contrast, saturation, hue = changes.T[:, :, None, None, None]
    changed = (pixels * (1 + brightness)).clamp(0, 1)
    changed = _blended(changed, luma(changed).mean(dim=(2, 3), keepdim=True), 1 + contrast)
    if pixels.shape[1] == 3:
        changed = turned_hue(_blended(changed, luma(changed), 1 + saturation), hue[:, 0] / 2)
    return changed


def turned_hue(pixels: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue in HSV.

    Args:
        pixels: float32 (B, 3, H, W) in [0, 1].
        turn: The share of the circle, float32, to broadcast with (B, H, W).

    Returns:
        float32 (B, 3, H, W).
    """
    value, least = pixels.amax(dim=1), pixels.amin(dim=1)
    spread = value - least
    red, green, blue = pixels.unbind(dim=1)
    safe = torch.where(spread > 0, spread, torch.ones_like(spread))
    sixths = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    sixths = sixths + 6 * turn
    channels = []
    for offset in (5, 3, 1):  # the formula of HSV to RGB that needs no cases: V − V·S·max(0, min(k, 4 − k, 1))
        place = (sixths + offset) % 6
        channels.append(value - spread * torch.minimum(place, 4 - place).clamp(0, 1))
    return torch.stack(channels, dim=1)


def _blended(pixels: Tensor, other: Tensor, share: Tensor) -> Tensor:
    return (share * pixels + (1 - share) * other).clamp(0, 1)
