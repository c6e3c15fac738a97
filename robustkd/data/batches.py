"""Training batches: shuffled, augmented, on the device, the last partial batch kept."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from robustkd.data.augmentation import Augmentation, Draws, apply, draw
from robustkd.data.image_set import ImageSet, to_pixels
from robustkd.errors import DataError

PREPARED_BYTES = 2**26
"""The size of the pixels that are prepared at once on a device other than the CPU: one batch does not fill it."""


UNLABELLED = -100
"""The label of an image that has none; torch's cross-entropy ignores it."""


@dataclass(frozen=True)
class Mixture:
    """The second images of a batch of mixtures; the labels of the batch are those of the first.

    Attributes:
        labels: int64 (B,).
        share: float32 (B,), the share of the first image in each mixture, in [0, 1].
    """

    labels: Tensor
    share: Tensor


@dataclass(frozen=True)
class Batch:
    """The input of a method at one step.

    Attributes:
        pixels: float32 (B, C, H, W) in [0, 1].
        labels: int64 (B,), `UNLABELLED` for images without a label.
        indices: int64 (B,), the places of the images in the training set, 0 to N − 1; None for images that are in none.
        mixture: What the images are mixed with; None where they are not mixed.
        complete: Whether every image is labelled.
        temperature: float32 (B,), the temperature that images ask for, not a number where they ask for none; None where
            none does.
        views: Other views of the same images by name, (B, C, H, W) each; see `Method.views`.
    """

    pixels: Tensor
    labels: Tensor
    indices: Tensor | None = None
    mixture: Mixture | None = None
    complete: bool = True
    temperature: Tensor | None = None
    views: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def labelled(self) -> Tensor:
        """Which images have a label, bool (B,)."""
        return self.labels != UNLABELLED


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
        self._order, self._draws = torch.zeros(0, dtype=torch.int64), draw(augmentation, 0, self.generator)
        self._shown = self._prepared = 0
        # these stay where they are, so that a CUDA graph finds them
        self._position = torch.zeros((), dtype=torch.int64, device=device)
        self._pixels, self._labels = torch.zeros(0, device=device), torch.zeros(0, dtype=torch.int64, device=device)
        self._indices = torch.zeros(0, dtype=torch.int64, device=device)
        self._rows = torch.zeros(0, dtype=torch.int64, device=device)

    def __len__(self) -> int:
        return -(-len(self._images) // self.batch_size)

    def begin_epoch(self) -> list[int]:
        """Draw the order and the augmentation of the next epoch.

        Returns:
            The sizes of its batches, in order.
        """
        count = len(self._images)
        self._order = self._moved(torch.randperm(count, generator=self.generator))
        self._draws = Draws(*map(self._moved, draw(self._augmentation, count, self.generator).tensors))
        self._shown = self._prepared = 0
        room = min(count, self.batch_size * self._steps_at_once())
        if len(self._pixels) != room:
            channels, height, width = self._images.shape
            self._pixels = torch.empty((room, height, width, channels), device=self._device)
            self._labels = torch.empty(room, dtype=torch.int64, device=self._device)
            self._indices = torch.empty(room, dtype=torch.int64, device=self._device)
            self._rows = torch.arange(room, device=self._device)
        return [min(self.batch_size, count - start) for start in range(0, count, self.batch_size)]

    def prepare(self, size: int) -> None:
        """Read and augment the next images, unless they are prepared already.

        Args:
            size: The number of images that `next` will be asked for.
        """
        if self._shown == self._prepared:
            part = slice(self._prepared, self._prepared + len(self._pixels))
            chosen = self._order[part]
            images = self._images.read(chosen).to(self._device)
            prepared = to_pixels(apply(images, self._draws[part]))
            self._pixels[: len(images)] = prepared.permute(0, 2, 3, 1)
            self._labels[: len(images)] = self._images.labels[chosen]
            self._indices[: len(images)] = chosen
            self._prepared += len(images)
            self._position.zero_()
        self._shown += size

    def next(self, size: int) -> Batch:
        """Return the next images of the epoch, which are prepared, and move on; a CUDA graph may hold this.

        Args:
            size: The number of images.
        """
        rows = self._position + self._rows[:size]
        self._position += size
        return Batch(self._pixels[rows].permute(0, 3, 1, 2), self._labels[rows], self._indices[rows])

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of the next epoch."""
        for size in self.begin_epoch():
            self.prepare(size)
            yield self.next(size)

    def _steps_at_once(self) -> int:
        if self._device.type == "cpu" or not isinstance(self._images.images, Tensor):
            return 1
        return max(1, PREPARED_BYTES // (4 * math.prod(self._images.shape) * self.batch_size))

    def _moved(self, values: Tensor) -> Tensor:
        # from pinned memory the copy does not wait for the device
        return values.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else values
