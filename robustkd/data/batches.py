"""Training batches: shuffled, augmented, on the device, the last partial batch kept."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from robustkd.data.augmentation import Augmentation, apply, draw
from robustkd.data.image_set import ImageSet, to_pixels
from robustkd.errors import DataError


@dataclass(frozen=True)
class Batch:
    """The input of a method at one step.

    Attributes:
        pixels: float32 (B, C, H, W) in [0, 1].
        labels: int64 (B,).
    """

    pixels: Tensor
    labels: Tensor


class TrainingBatches:
    """The training batches, epoch by epoch.

    An epoch's order, crops and flips are drawn together from a separate CPU generator. They depend only on the
    seed, not on the device, the network, or other code that draws random numbers.

    Args:
        images: The images to train on.
        batch_size: The number of images in a batch; the last batch of an epoch may have fewer.
        augmentation: The random changes of the images.
        seed: The seed of order and augmentation.
        device: The device of the batches; images in memory are moved there once.

    Attributes:
        batch_size: The number of images in a batch; changing it between epochs changes neither order nor augmentation.
        generator: The random generator; its state between two epochs determines all following epochs.

    Raises:
        DataError: The crop's padding is not smaller than the images.
    """

    def __init__(
        self,
        images: ImageSet,
        batch_size: int,
        augmentation: Augmentation,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        if augmentation.crop_padding >= min(images.shape[1:]):
            height, width = images.shape[1:]
            raise DataError(
                f"crop_padding must be smaller than the images ({height}×{width}), got {augmentation.crop_padding}"
            )
        self._images = images.to(device)
        self.batch_size = batch_size
        self._augmentation = augmentation
        self._device = torch.device(device)
        self.generator = torch.Generator().manual_seed(seed)
        count = len(images)
        # an epoch's choices and the position in it stay where they are, so that a CUDA graph finds them
        self._order = torch.zeros(count, dtype=torch.int64, device=device)
        self._draws = draw(augmentation, count, torch.Generator()).to(device)
        self._position = torch.zeros((), dtype=torch.int64, device=device)
        self._steps = torch.arange(count, device=device)

    def __len__(self) -> int:
        return -(-len(self._images) // self.batch_size)

    @property
    def on_device(self) -> bool:
        """Whether `next` reads nothing outside the device, so that a CUDA graph can hold it."""
        return isinstance(self._images.images, Tensor)

    def begin_epoch(self) -> list[int]:
        """Draw the order and the augmentation of the next epoch.

        Returns:
            The sizes of its batches, in order.
        """
        count = len(self._images)
        self._fill(self._order, torch.randperm(count, generator=self.generator))
        draws = draw(self._augmentation, count, self.generator)
        for held, drawn in zip(self._draws.tensors, draws.tensors, strict=True):
            self._fill(held, drawn)
        self._position.zero_()
        return [min(self.batch_size, count - start) for start in range(0, count, self.batch_size)]

    def next(self, size: int) -> Batch:
        """Return the next images of the epoch and move on.

        Args:
            size: The number of images, at most as many as are left.
        """
        rows = self._position + self._steps[:size]
        chosen = self._order[rows]
        images = self._images.read(chosen).to(self._device)
        batch = Batch(to_pixels(apply(images, self._draws[rows])), self._images.labels[chosen])
        self._position += size
        return batch

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of the next epoch."""
        for size in self.begin_epoch():
            yield self.next(size)

    def _fill(self, held: Tensor, values: Tensor) -> None:
        # from pinned memory the copy does not wait for the device
        held.copy_(values.pin_memory() if self._device.type == "cuda" else values, non_blocking=True)
