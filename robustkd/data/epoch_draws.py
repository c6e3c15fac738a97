"""All random choices of an epoch of training batches, drawn on the CPU, so that they do not depend on the device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from robustkd.data.augmentation import Augmentation, Draws, draw
from robustkd.data.distillation_data import DistillationData

NUMBERS = 6
"""The random numbers of one image for a policy: a choice, a probability and a sign for each of two operations."""

CHANGES = 6
"""The random numbers of the changes of one image: angle, vertical flip, brightness, contrast, saturation, hue."""


@dataclass(frozen=True)
class MixingDraws:
    """The random choices of mixtures.

    Attributes:
        partners: int64 (N,), the place in the epoch's order of the image that each is mixed with, of the same batch.
        shares: float32 (N,), λ.
        centres: float32 (N, 2) in [0, 1), the centre of the rectangle of CutMix, as shares of height and width.
    """

    partners: Tensor
    shares: Tensor
    centres: Tensor

    def __getitem__(self, part: slice) -> "MixingDraws":
        return MixingDraws(self.partners[part], self.shares[part], self.centres[part])


@dataclass(frozen=True)
class EpochDraws:
    """The random choices of an epoch, in the order in which images are shown.

    Attributes:
        order: int64 (N,), the places of the images; from the size of the training set on, those of extra images.
        crops: The crops and flips.
        policy: float (N, NUMBERS), what a policy chooses by; None without one. These and those of the views stay on
            the CPU.
        changes: float32 (N, CHANGES) in [0, 1); None where nothing asks for them.
        mixing: The mixtures; None without them.
        views: For each view, what its policy chooses by, and its crops and flips.
    """

    order: Tensor
    crops: Draws
    policy: Tensor | None = None
    changes: Tensor | None = None
    mixing: MixingDraws | None = None
    views: dict[str, tuple[Tensor, Draws]] = field(default_factory=dict)

    def moved(self, move: Callable[[Tensor], Tensor]) -> "EpochDraws":
        """Return the choices on a device; what policies choose by stays.

        Args:
            move: Moves a tensor to the device.
        """
        mixing = self.mixing
        return EpochDraws(
            move(self.order),
            self.crops.moved(move),
            self.policy,
            move(self.changes) if self.changes is not None else None,
            MixingDraws(move(mixing.partners), move(mixing.shares), move(mixing.centres)) if mixing else None,
            {name: (numbers, crops.moved(move)) for name, (numbers, crops) in self.views.items()},
        )


def draw_epoch(
    count: int,
    batch_size: int,
    augmentation: Augmentation,
    data: DistillationData,
    views: Sequence[str],
    generator: torch.Generator,
) -> EpochDraws:
    """Draw the choices of an epoch; what is not asked for draws no numbers.

    Args:
        count: The number of images.
        batch_size: The number of images in a batch.
        augmentation: The crops and flips.
        data: What is shown beyond them.
        views: The names of the policies of other views.
        generator: A CPU generator.
    """
    order = torch.randperm(count, generator=generator)
    crops = draw(augmentation, count, generator)
    changed = data.rotation > 0 or data.vertical_flip or data.colour_jitter > 0
    return EpochDraws(
        order,
        crops,
        torch.rand((count, NUMBERS), generator=generator) if data.policy != "none" else None,
        torch.rand((count, CHANGES), generator=generator) if changed else None,
        _mixing(count, batch_size, data, generator) if data.mixing != "none" else None,
        {name: _view(count, augmentation, generator) for name in views},
    )


def _view(count: int, augmentation: Augmentation, generator: torch.Generator) -> tuple[Tensor, Draws]:
    return torch.rand((count, NUMBERS), generator=generator), draw(augmentation, count, generator)


def _mixing(count: int, batch_size: int, data: DistillationData, generator: torch.Generator) -> MixingDraws:
    starts = range(0, count, batch_size)
    sizes = [min(batch_size, count - start) for start in starts]
    partners = torch.cat(
        [start + torch.randperm(size, generator=generator) for start, size in zip(starts, sizes, strict=True)]
    )
    shares = _beta(len(sizes) if data.mixing_draw == "per_batch" else count, data.mixing_alpha, generator)
    if data.mixing_draw == "per_batch":
        shares = shares.repeat_interleave(torch.tensor(sizes))
    return MixingDraws(partners, shares, torch.rand((count, 2), generator=generator))


def _beta(count: int, alpha: float, generator: torch.Generator) -> Tensor:
    """Draws from Beta(α, α), float32 (count,)."""
    if alpha == 1:
        return torch.rand(count, generator=generator)
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count).astype(np.float32))
