"""Images that take their shape from one image and their texture from another, of another class."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from robustkd.data.alterations.alteration import Alteration, generators_of, to_bytes
from robustkd.data.alterations.blur import in_pixels
from robustkd.data.alterations.outlines import foreground
from robustkd.data.alterations.patches import shuffled
from robustkd.data.corruptions.operators import blurred
from robustkd.data.image_set import ImageSet, to_pixels
from robustkd.errors import DataError

SMOOTH = 1.5
"""The standard deviation in pixels, at 32 × 32, of the blur that divides shape from texture."""


def partners(images: ImageSet, seed: int, *, same_class: bool = False) -> Tensor:
    """Draw for each image another one, whose texture it gets.

    Args:
        images: The images; an image gets the same partner in any sample of them.
        seed: The seed of the draw.
        same_class: Whether the partner is of the same class; otherwise it is of another one.

    Returns:
        The index of each image's partner, int64 (N,).

    Raises:
        DataError: There is no such image for some image.
    """
    labels = images.labels.cpu().numpy()
    places = np.arange(len(labels))
    draws = np.array(
        [each.random() for each in generators_of(f"partners {same_class}", seed, torch.arange(len(labels)))]
    )
    found = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        own = places[labels == label]
        others = own if same_class else places[labels != label]
        if len(others) < (2 if same_class else 1):
            which = "a second image of a class" if same_class else "images of a second class"
            raise DataError(f"textures come from other images, and there is no {which}")
        if same_class:  # one of the others of its class: so many places further on
            steps = 1 + np.floor(draws[own] * (len(own) - 1)).astype(np.int64)
            found[own] = own[(np.arange(len(own)) + steps) % len(own)]
        else:
            found[own] = others[np.floor(draws[own] * len(others)).astype(np.int64)]
    return torch.from_numpy(found)


def texture_swapped(textures: ImageSet, partner: Tensor, seed: int) -> Alteration:
    """Replace the fine detail of each image by the shuffled fine detail of its partner, in the same amount.

    Fine detail is what a Gaussian blur of `SMOOTH` takes away. That of the partner is shuffled patch by patch and
    scaled so that its root mean square is the image's own: shape and colours stay, and so does the contrast.

    Args:
        textures: The set that the partners are in, on the device of the images.
        partner: The partner's place in it for each index of an image, int64 (N,).
        seed: The seed of the shuffling.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        shape, own = divided(to_pixels(images))
        _, other = divided(to_pixels(textures.read(partner[indices])))
        texture = shuffled(other, generators_of("texture patches", seed, indices))
        return to_bytes(shape + texture * _contrast(own) / _contrast(texture).clamp_min(_INVISIBLE))

    return Alteration("texture swap", transform, _settings(textures, partner, seed))


def smooth_conflict(textures: ImageSet, partner: Tensor, seed: int) -> Alteration:
    """Put the smooth part of each image, in its partner's colours, under the shuffled fine detail of its partner.

    The shape is what a Gaussian blur of `SMOOTH` leaves. Each channel gets the mean and standard deviation of the
    partner's smooth part, and the partner's fine detail, shuffled patch by patch, is added.

    Args:
        textures: See `texture_swapped`.
        partner: See `texture_swapped`.
        seed: The seed of the shuffling.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        shape, _ = divided(to_pixels(images))
        colours, detail = divided(to_pixels(textures.read(partner[indices])))
        mean, spread = _mean_and_spread(colours)
        own_mean, own_spread = _mean_and_spread(shape)
        recoloured = (shape - own_mean) / own_spread.clamp_min(_INVISIBLE) * spread + mean
        return to_bytes(recoloured + shuffled(detail, generators_of("texture patches", seed, indices)))

    return Alteration("smooth shape, shuffled detail", transform, _settings(textures, partner, seed))


def silhouette_conflict(textures: ImageSet, partner: Tensor, seed: int) -> Alteration:
    """Fill the silhouette of each image with the shuffled patches of its partner, on mid-grey.

    The silhouette is what stands out from the border of the image (`outlines.foreground`).

    Args:
        textures: See `texture_swapped`.
        partner: See `texture_swapped`.
        seed: The seed of the shuffling.
    """

    def transform(images: Tensor, indices: Tensor) -> Tensor:
        inside = foreground(to_pixels(images))
        texture = shuffled(textures.read(partner[indices]), generators_of("texture patches", seed, indices))
        return torch.where(inside, texture, torch.full_like(texture, 128))

    return Alteration("silhouette, shuffled patches", transform, _settings(textures, partner, seed))


def divided(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Divide float pixels (B, C, H, W) into a smooth part, which keeps the shape, and fine detail; their sum."""
    smooth = blurred(pixels, in_pixels(SMOOTH, pixels))
    return smooth, pixels - smooth


_INVISIBLE = 1e-6
"""Less than any contrast that an image of bytes has."""


def _contrast(detail: Tensor) -> Tensor:
    return detail.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()


def _mean_and_spread(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel, (B, C, 1, 1)."""
    spread, mean = torch.std_mean(pixels, dim=(2, 3), keepdim=True, correction=0)
    return mean, spread


def _settings(textures: ImageSet, partner: Tensor, seed: int) -> dict[str, object]:
    return {
        "textures": textures.digest,
        "partners": hashlib.sha256(partner.numpy().tobytes()).hexdigest(),
        "seed": seed,
    }
