"""Other data sets, in the form of the images that the networks are evaluated on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from robustkd.data.alterations.alteration import Alteration, altered, luma, to_bytes
from robustkd.data.duplicates import copies_in_training
from robustkd.data.encoded.geometry import Cut
from robustkd.data.encoded.images import EncodedImages
from robustkd.data.image_set import ImageSet, to_pixels
from robustkd.data.loading import load_dataset
from robustkd.errors import DataError

MOST_COPIES = 0.01
"""The largest share of a set that may be copies of test images; such a set is another one with a few of them."""


@dataclass(frozen=True, eq=False)
class OtherSet:
    """Images of another data set.

    Attributes:
        name: The name that it was loaded by.
        images: Its test images, in the form that was asked for.
        notes: What was decided or left out, each a sentence without its full stop.
    """

    name: str
    images: ImageSet
    notes: tuple[str, ...] = ()


def other_set(name: str, like: ImageSet, root: str | None = None) -> OtherSet:
    """Load the test images of another data set, with the size, channels and device of given images.

    Images are resized as a whole (bilinear, with antialiasing). Photographs of different sizes are cut to their largest
    centre square where the given images are square. Colours become their brightness, grey becomes three equal channels.
    Images that are exact copies of given ones are left out.

    Args:
        name: The name, as for `load_dataset`.
        like: The given images.
        root: The directory of the data sets, as for `load_dataset`.

    Raises:
        DataError: There is no such set, it cannot be given this form, or more than `MOST_COPIES` of it are given
            images.
    """
    images = load_dataset(name, Path(root) if root is not None else None).test
    if images.photographs and isinstance(images.images, EncodedImages) and like.shape[1] == like.shape[2]:
        images = replace(images, images=images.images.fitted(Cut(like.shape[1])))
    copies = _copies(images, like)
    if len(copies) > MOST_COPIES * len(images):
        raise DataError(f"{name}: {len(copies)} of its {len(images)} images are test images of the data")
    notes = []
    if copies:
        keep = torch.ones(len(images), dtype=torch.bool)
        keep[copies] = False
        images = images.subset(torch.nonzero(keep).flatten())
        notes.append(f"{len(copies)} images of {name} are left out: they are test images of the data")
    return OtherSet(name, reshaped(images, like, name), tuple(notes))


def reshaped(images: ImageSet, like: ImageSet, name: str) -> ImageSet:
    """Give images the size, the channels and the device of others; see `other_set`.

    Args:
        images: The images.
        like: The others.
        name: The name of the images, for messages.

    Raises:
        DataError: The numbers of channels cannot be made equal.
    """
    if isinstance(like.images, Tensor):
        images = images.to(like.images.device)
    if images.shape == like.shape:
        return images
    channels = {images.shape[0], like.shape[0]}
    if len(channels) == 2 and channels != {1, 3}:
        raise DataError(f"{name}: images of {images.shape[0]} channels cannot become images of {like.shape[0]}")
    return altered(images, _reshape(like.shape))


def _copies(images: ImageSet, like: ImageSet) -> list[int]:
    if images.shape != like.shape and isinstance(images.images, Tensor):
        return []
    return [index for index, _ in copies_in_training(train=like, test=images)]


def _reshape(shape: tuple[int, int, int]) -> Alteration:
    def transform(images: Tensor, indices: Tensor) -> Tensor:
        pixels = to_pixels(images)
        if pixels.shape[1] != shape[0]:
            pixels = luma(pixels) if shape[0] == 1 else pixels.expand(-1, shape[0], -1, -1)
        if tuple(pixels.shape[-2:]) != shape[1:]:
            pixels = F.interpolate(pixels, shape[1:], mode="bilinear", antialias=True, align_corners=False)
        return to_bytes(pixels)

    return Alteration("reshaped", transform, {"shape": list(shape)})
