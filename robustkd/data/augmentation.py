"""Random crop with reflect padding and horizontal flip of whole batches, drawn independently for each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """The random changes of training images; none by default.

    Attributes:
        crop_padding: The reflect padding on each side, in pixels, before a crop of the original size; 0 for no crop.
        horizontal_flip: Whether half of the images are mirrored; wrong if it changes the class, as for digits.
    """

    crop_padding: Annotated[int, Field(ge=0)] = 0
    horizontal_flip: bool = False


CIFAR_AUGMENTATION = Augmentation(crop_padding=4, horizontal_flip=True)
"""The augmentation of sarfraz2020, section III: reflect padding 4, random crop, random horizontal flip."""


@dataclass(frozen=True)
class Draws:
    """The random choices for some images.

    Attributes:
        top: int64 (N,), how far each crop is shifted down, from -crop_padding to crop_padding.
        left: int64 (N,), the same to the right.
        flipped: bool (N,).
    """

    top: Tensor
    left: Tensor
    flipped: Tensor

    def __getitem__(self, part: slice | Tensor) -> Draws:
        return Draws(self.top[part], self.left[part], self.flipped[part])

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """The three tensors in the order of the attributes."""
        return self.top, self.left, self.flipped

    def to(self, device: torch.device | str) -> Draws:
        """Move the choices to a device."""
        return Draws(self.top.to(device), self.left.to(device), self.flipped.to(device))


def draw(augmentation: Augmentation, count: int, generator: torch.Generator) -> Draws:
    """Choose shifts and flips for `count` images, each independently of the others.

    Args:
        augmentation: The augmentation to draw for.
        count: The number of images.
        generator: A CPU generator; all augmentations draw equally many numbers from it.

    Returns:
        The choices, on the CPU.
    """
    import torch

    padding = augmentation.crop_padding
    shifts = torch.rand((2, count), generator=generator).mul(2 * padding + 1).long().clamp_(max=2 * padding)
    flipped = torch.rand(count, generator=generator) < 0.5
    top, left = shifts - padding
    return Draws(top, left, flipped & augmentation.horizontal_flip)


def apply(images: Tensor, draws: Draws) -> Tensor:
    """Crop and flip a batch by one gather: each output pixel is a pixel of the input, mirrored at the border.

    Args:
        images: (B, C, H, W), any type.
        draws: The choices for these B images, on the same device.

    Returns:
        (B, C, H, W), the same type, channels last in memory.
    """
    import torch

    height, width = images.shape[-2:]
    rows = _reflect(torch.arange(height, device=images.device) + draws.top[:, None], height)
    columns = _reflect(torch.arange(width, device=images.device) + draws.left[:, None], width)
    columns = torch.where(draws.flipped[:, None], columns.flip(1), columns)
    batch = torch.arange(len(images), device=images.device)
    gathered = images[batch[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return gathered.permute(0, 3, 1, 2)


def _reflect(position: Tensor, size: int) -> Tensor:
    """Mirror positions outside 0 … size-1 at the edge pixels, which are not repeated."""
    return (size - 1) - ((size - 1) - position.abs()).abs()
