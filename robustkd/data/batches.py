"""Training batches: shuffled, augmented, on the device, the last partial batch kept."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from robustkd.data.augmentation import Augmentation, apply, draw
from robustkd.data.distillation_data import DistillationData
from robustkd.data.epoch_draws import EpochDraws, draw_epoch
from robustkd.data.image_set import ImageSet, to_pixels
from robustkd.data.shown import changed, mixed
from robustkd.errors import DataError

PREPARED_BYTES = 2**26
"""The size of the pixels that are prepared at once on a device other than the CPU: one batch does not fill it."""


STEPS_WITH_POLICY = 8
"""The number of batches that are prepared at once on a CPU where a policy changes them."""

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
            They count the images that are trained on, after the recipe has held out, repeated or left out some.
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

    def seen_as(self, view: str) -> "Batch":
        """Return the same images in another view.

        Args:
            view: Its name, one of `Method.views`.
        """
        return replace(self, pixels=self.views[view])


class TrainingBatches:
    """The training batches, epoch by epoch.

    All random choices of an epoch are drawn together from a separate CPU generator. They depend only on the seed, not
    on the device, the network, or other code that draws random numbers.

    Args:
        images: The images to train on.
        batch_size: The number of images in a batch; the last batch of an epoch may have fewer.
        augmentation: The random crops and flips of the images.
        seed: The seed of all choices.
        device: The device of the batches; images in memory are moved there once.
        data: What is shown beyond the images, their crops and flips.
        extra: Images without labels to show beside them, uint8 (M, C, H, W); None for none.
        views: The names of other views of the images, each a policy of `DistillationData`.

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
        *,
        data: DistillationData | None = None,
        extra: Tensor | None = None,
        views: Sequence[str] = (),
    ) -> None:
        if augmentation.crop_padding >= min(images.shape[1:]):
            height, width = images.shape[1:]
            raise DataError(
                f"crop_padding must be smaller than the images ({height}×{width}), got {augmentation.crop_padding}"
            )
        self._images = images.to(device)
        self._extra = extra.to(device) if extra is not None else None
        self._count = len(images) + (len(extra) if extra is not None else 0)
        self.batch_size = batch_size
        self._augmentation = augmentation
        self._data = data or DistillationData()
        self._views = tuple(views)
        self._device = torch.device(device)
        self.generator = torch.Generator().manual_seed(seed)
        self._draws = EpochDraws(torch.zeros(0, dtype=torch.int64), draw(augmentation, 0, self.generator))
        self._shown = self._prepared = 0
        # these stay where they are, so that a CUDA graph finds them
        self._position = torch.zeros((), dtype=torch.int64, device=device)
        self._rows = torch.zeros(0, dtype=torch.int64, device=device)
        self._held: dict[str, Tensor] = {}

    def __len__(self) -> int:
        return -(-self._count // self.batch_size)

    def begin_epoch(self) -> list[int]:
        """Draw the order and the augmentation of the next epoch.

        Returns:
            The sizes of its batches, in order.
        """
        count = self._count
        drawn = draw_epoch(count, self.batch_size, self._augmentation, self._data, self._views, self.generator)
        self._draws = drawn.moved(self._moved)
        self._shown = self._prepared = 0
        room = min(count, self.batch_size * self._steps_at_once())
        if len(self._rows) != room:
            self._held = self._room(room)
            self._rows = torch.arange(room, device=self._device)
        return [min(self.batch_size, count - start) for start in range(0, count, self.batch_size)]

    def prepare(self, size: int) -> None:
        """Read and augment the next images, unless they are prepared already.

        Args:
            size: The number of images that `next` will be asked for.
        """
        if self._shown == self._prepared:
            part = slice(self._prepared, self._prepared + len(self._rows))
            prepared = self._prepared_part(part)
            for name, values in prepared.items():
                self._held[name][: len(values)] = values
            self._prepared += len(prepared["labels"])
            self._position.zero_()
        self._shown += size

    def next(self, size: int) -> Batch:
        """Return the next images of the epoch, which are prepared, and move on; a CUDA graph may hold this.

        Args:
            size: The number of images.
        """
        rows = self._position + self._rows[:size]
        self._position += size
        taken = {name: held[rows] for name, held in self._held.items()}
        return Batch(
            taken["pixels"].permute(0, 3, 1, 2),
            taken["labels"],
            taken["indices"],
            Mixture(taken["other_labels"], taken["share"]) if "share" in taken else None,
            self._extra is None,
            taken.get("temperature"),
            {name: taken[name].permute(0, 3, 1, 2) for name in self._views},
        )

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of the next epoch."""
        for size in self.begin_epoch():
            self.prepare(size)
            yield self.next(size)

    def _room(self, count: int) -> dict[str, Tensor]:
        """Room for so many prepared images."""

        def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.empty((count, *shape), dtype=dtype, device=self._device)

        channels, height, width = self._images.shape
        room = {name: empty(height, width, channels) for name in ("pixels", *self._views)}
        room |= {name: empty(dtype=torch.int64) for name in ("labels", "indices")}
        if self._draws.mixing is not None:
            room |= {"other_labels": empty(dtype=torch.int64), "share": empty()}
        if self._own_temperature is not None:
            room["temperature"] = empty()
        return room

    def _prepared_part(self, part: slice) -> dict[str, Tensor]:
        """The images of a part of the epoch, and what belongs to them."""
        draws, data = self._draws, self._data
        chosen = draws.order[part]
        images = self._read(chosen)
        shown = apply(images, draws.crops[part])
        if draws.policy is not None:
            shown = _with_policy(shown, data.policy, draws.policy[part])
        pixels = to_pixels(shown)
        if draws.changes is not None:
            pixels = changed(pixels, data, draws.changes[part])
        labels = self._labels(chosen)
        prepared = {"labels": labels, "indices": chosen}
        if draws.mixing is not None:
            partners = draws.mixing.partners[part] - part.start
            pixels, prepared["share"] = mixed(pixels, partners, data, draws.mixing[part])
            prepared["other_labels"] = labels[partners]
        if self._own_temperature is not None:
            inside = chosen < len(self._images)
            prepared["temperature"] = torch.where(inside, float("nan"), self._own_temperature)
        prepared["pixels"] = pixels.permute(0, 2, 3, 1)
        for name, (numbers, crops) in draws.views.items():
            view = _with_policy(apply(images, crops[part]), name, numbers[part])
            prepared[name] = to_pixels(view).permute(0, 2, 3, 1)
        return prepared

    @property
    def _own_temperature(self) -> float | None:
        return self._data.extra.temperature if self._data.extra is not None and self._extra is not None else None

    def _read(self, chosen: Tensor) -> Tensor:
        if self._extra is None:
            return self._images.read(chosen).to(self._device)
        own = len(self._images)
        read = self._images.read(chosen.clamp(max=own - 1)).to(self._device)
        beside = self._extra[(chosen - own).clamp(min=0)]
        return torch.where((chosen < own)[:, None, None, None], read, beside)

    def _labels(self, chosen: Tensor) -> Tensor:
        if self._extra is None:
            return self._images.labels[chosen]
        own = len(self._images)
        return torch.where(chosen < own, self._images.labels[chosen.clamp(max=own - 1)], UNLABELLED)

    def _steps_at_once(self) -> int:
        if not isinstance(self._images.images, Tensor):
            return 1
        if self._device.type == "cpu":
            # a policy changes many images with the same operation at once
            return STEPS_WITH_POLICY if self._views or self._data.policy != "none" else 1
        return max(1, PREPARED_BYTES // (4 * math.prod(self._images.shape) * self.batch_size))

    def _moved(self, values: Tensor) -> Tensor:
        # from pinned memory the copy does not wait for the device
        return values.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else values


def _with_policy(images: Tensor, policy: str, numbers: Tensor) -> Tensor:
    from robustkd.data.policies import apply_policy  # imports torchvision

    return apply_policy(images, policy, numbers)
