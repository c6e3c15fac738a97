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
        self._device = device
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return -(-len(self._images) // self.batch_size)

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of the next epoch."""
        count = len(self._images)
        order = torch.randperm(count, generator=self.generator).to(self._device)
        draws = draw(self._augmentation, count, self.generator).to(self._device)
        for start in range(0, count, self.batch_size):
            part = slice(start, start + self.batch_size)
            images = self._images.read(order[part]).to(self._device)
            yield Batch(to_pixels(apply(images, draws[part])), self._images.labels[order[part]])
