"""Images that are cropped, shifted or rotated; what lies beyond the border is mirrored."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data.alterations.alteration import Alteration, drawn, generators_of, to_bytes
from robustkd.data.image_set import to_pixels


def cropped(scale: float, seed: int, view: int = 0) -> Alteration:
    """Cut out a part at a random place and enlarge it to the size of the image (bilinear).

    Args:
        scale: The share of the area that is kept, above 0 and at most 1; the aspect ratio stays.
        seed: The seed of the places.
        view: The number of the crop; each is at another place. Crops of other scales have the same relative place.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        generators = generators_of(f"crop {view}", seed, indices)
        side = math.sqrt(scale)
        centres = drawn(generators, lambda each: each.uniform(-1, 1, 2), images) * (1 - side)
        turn = torch.eye(2, device=images.device).expand(len(images), 2, 2) * side
        return _moved(images, turn, centres)

    return Alteration("crop", transform, {"scale": scale, "seed": seed, "view": view})


def shifted(pixels: int, seed: int) -> Alteration:
    """Shift the image by whole pixels in one of the eight directions of a compass, drawn for each image.

    Args:
        pixels: The length of the shift along each axis, in pixels.
        seed: The seed of the directions; shifts of other lengths go in the same direction.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        generators = generators_of("shift", seed, indices)
        directions = torch.tensor([_COMPASS[int(each.integers(8))] for each in generators]) * pixels
        rows, columns = (
            _mirrored(torch.arange(side)[None] + directions[:, axis, None], side).to(images.device)
            for axis, side in enumerate(images.shape[-2:])
        )
        image = torch.arange(len(images), device=images.device)[:, None, None]
        return images.movedim(1, -1)[image, rows[:, :, None], columns[:, None, :]].movedim(-1, 1).contiguous()

    return Alteration("shift", transform, {"pixels": pixels, "seed": seed})


def rotated(degrees: float, seed: int) -> Alteration:
    """Rotate the image about its centre (bilinear), to the left or to the right, drawn for each image.

    Args:
        degrees: The angle.
        seed: The seed of the directions; rotations by other angles go in the same direction.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        generators = generators_of("rotation", seed, indices)
        angles = drawn(generators, lambda each: each.choice([-1, 1]), images) * math.radians(degrees)
        turn = rotations(angles, *images.shape[-2:])
        return _moved(images, turn, torch.zeros(len(images), 2, device=images.device))

    return Alteration("rotation", transform, {"degrees": degrees, "seed": seed})


def rotations(angles: Tensor, height: int, width: int) -> Tensor:
    """Return matrices that rotate about the centre.

    Args:
        angles: float32 (B,), in radians.
        height: The height of the images.
        width: Their width.

    Returns:
        float32 (B, 2, 2), see `resampled`.
    """
    cosine, sine = angles.cos(), angles.sin()
    return torch.stack([cosine, -sine * height / width, sine * width / height, cosine], dim=1).reshape(-1, 2, 2)


def resampled(pixels: Tensor, turn: Tensor, centres: Tensor) -> Tensor:
    """Sample each image at ``turn @ place + centre`` (bilinear); what lies beyond the border is mirrored.

    Args:
        pixels: float32 (B, C, H, W).
        turn: float32 (B, 2, 2).
        centres: float32 (B, 2), in coordinates from −1 to 1, x before y.

    Returns:
        float32 (B, C, H, W).
    """
    grid = F.affine_grid(torch.cat([turn, centres[:, :, None]], dim=2), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


_COMPASS = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1) if (down, across) != (0, 0)]


def _moved(images: Tensor, turn: Tensor, centres: Tensor) -> Tensor:
    return to_bytes(resampled(to_pixels(images), turn, centres))


def _mirrored(places: Tensor, side: int) -> Tensor:
    """Fold places beyond the border back into the image; the outermost pixel is repeated."""
    folded = places % (2 * side)
    return torch.where(folded < side, folded, 2 * side - 1 - folded)
