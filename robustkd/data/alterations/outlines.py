"""Images without their colours, without their surfaces, or with nothing but the outline of what they show."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data.alterations.alteration import Alteration, luma, to_bytes
from robustkd.data.alterations.blur import in_pixels
from robustkd.data.corruptions.operators import blurred
from robustkd.data.image_set import to_pixels


def grey() -> Alteration:
    """Replace each colour by its brightness (ITU-R BT.601)."""

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        return _in_all_channels(luma(to_pixels(images)), images)

    return Alteration("grey", transform)


def edges() -> Alteration:
    """Draw edges dark on white: the length of the brightness gradient by Sobel's filter, scaled to its maximum."""

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        return _in_all_channels(1 - gradient(to_pixels(images)), images)

    return Alteration("edges", transform)


def silhouettes() -> Alteration:
    """Draw what stands out from the border of the image in black on white; see `foreground`."""

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        return _in_all_channels(1 - foreground(to_pixels(images)).float(), images)

    return Alteration("silhouette", transform)


def gradient(pixels: Tensor) -> Tensor:
    """Return the length of the brightness gradient by Sobel's filter.

    Args:
        pixels: float32 (B, C, H, W).

    Returns:
        float32 (B, 1, H, W), divided by the largest of each image; 0 for an image of one brightness.
    """
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=pixels.device)
    filters = torch.stack([across, across.T])[:, None]
    slopes = F.conv2d(F.pad(luma(pixels), (1, 1, 1, 1), mode="replicate"), filters)
    length = slopes.square().sum(dim=1, keepdim=True).sqrt()
    largest = length.amax(dim=(2, 3), keepdim=True)
    return length / largest.clamp_min(_INVISIBLE)


def foreground(pixels: Tensor) -> Tensor:
    """Separate what an image shows from its background, by colour alone.

    Each pixel has a distance from the mean colour of the image's border, one pixel wide, after a slight blur; Otsu's
    threshold (*A Threshold Selection Method from Gray-Level Histograms*, IEEE Transactions on Systems, Man, and
    Cybernetics 1979) divides these distances. No network takes part, so objects that are not unlike their background
    are not found.

    Args:
        pixels: float32 (B, C, H, W) in [0, 1].

    Returns:
        bool (B, 1, H, W).
    """
    smooth = blurred(pixels, in_pixels(1.0, pixels))
    border = torch.cat([smooth[..., 0], smooth[..., -1], smooth[..., 0, :], smooth[..., -1, :]], dim=-1)
    distance = (smooth - border.mean(dim=-1)[..., None, None]).square().sum(dim=1, keepdim=True).sqrt()
    largest = distance.amax(dim=(2, 3), keepdim=True)
    levels = (distance / largest.clamp_min(_INVISIBLE) * 255).round().long()
    return levels > otsu_threshold(levels.flatten(1))[:, None, None, None]


def otsu_threshold(levels: Tensor) -> Tensor:
    """Return the level that divides values into two classes of the largest variance between them (Otsu 1979).

    Args:
        levels: int64 (B, N), 0 to 255.

    Returns:
        int64 (B,): the largest level of the lower class; the first one where several are equally good.
    """
    counts = torch.zeros(len(levels), 256, dtype=torch.float64, device=levels.device)
    counts.scatter_add_(1, levels, torch.ones_like(levels, dtype=torch.float64))
    below = counts.cumsum(dim=1)
    moments = (counts * torch.arange(256, device=levels.device)).cumsum(dim=1)
    total, moment = below[:, -1:], moments[:, -1:]
    # Otsu's equation 18 times the square of the number of values
    between = (moment * below - moments * total).square() / (below * (total - below)).clamp_min(0.5)
    return between.argmax(dim=1)


_INVISIBLE = 1e-4
"""Less than the largest difference of an image of bytes that is not of one colour, and more than a rounding error."""


def _in_all_channels(pixels: Tensor, images: Tensor) -> Tensor:
    return to_bytes(pixels.expand(-1, images.shape[1], -1, -1))
