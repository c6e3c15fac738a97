"""Random crop with padding and horizontal flip of whole batches, drawn independently for each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """The random changes of training images; none by default.

    Attributes:
        crop_padding: The padding on each side, in pixels, before a crop of the original size; 0 for no crop.
        padding: What the padding shows: ``reflect``, the image mirrored at the border; or ``zeros``, black.
        horizontal_flip: Whether half of the images are mirrored; wrong if it changes the class, as for digits.
    """

    crop_padding: Annotated[int, Field(ge=0)] = 0
    padding: Literal["reflect", "zeros"] = "reflect"
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
        zeros: Whether pixels from beyond the border are black, instead of mirrored.
    """

    top: Tensor
    left: Tensor
    flipped: Tensor
    zeros: bool = False

    def __getitem__(self, part: slice | Tensor) -> Draws:
        return Draws(self.top[part], self.left[part], self.flipped[part], self.zeros)

    def moved(self, move: Callable[[Tensor], Tensor]) -> Draws:
        """Return the choices on a device.

        Args:
            move: Moves a tensor to the device.
        """
        return Draws(move(self.top), move(self.left), move(self.flipped), self.zeros)


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
    return Draws(top, left, flipped & augmentation.horizontal_flip, augmentation.padding == "zeros")


def apply(images: Tensor, draws: Draws) -> Tensor:
    """Crop and flip a batch by one gather: each output pixel is a pixel of the input, or black.

    Args:
        images: (B, C, H, W), any type.
        draws: The choices for these B images, on the same device.

    Returns:
        (B, C, H, W), the same type, channels last in memory.
    """
    import torch

    height, width = images.shape[-2:]
    rows = torch.arange(height, device=images.device) + draws.top[:, None]
    columns = torch.arange(width, device=images.device) + draws.left[:, None]
    columns = torch.where(draws.flipped[:, None], columns.flip(1), columns)
    batch = torch.arange(len(images), device=images.device)
    from_rows, from_columns = _reflect(rows, height), _reflect(columns, width)
    gathered = images[batch[:, None, None], :, from_rows[:, :, None], from_columns[:, None, :]]
    if draws.zeros:
        inside = (from_rows == rows)[:, :, None] & (from_columns == columns)[:, None, :]
        gathered = gathered * inside[..., None]
    return gathered.permute(0, 3, 1, 2)


def _reflect(position: Tensor, size: int) -> Tensor:
    """Mirror positions outside 0 … size-1 at the edge pixels, which are not repeated."""
    return (size - 1) - ((size - 1) - position.abs()).abs()
