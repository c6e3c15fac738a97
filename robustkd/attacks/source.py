"""A network under attack, and the images that it is attacked on, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from robustkd.arithmetic import Precision, tensor_float32
from robustkd.attacks.attack import Attack
from robustkd.attacks.craft import craft
from robustkd.attacks.decisions import decided_classes
from robustkd.attacks.soundness import Soundness

if TYPE_CHECKING:
    from torch import Tensor, nn

    from robustkd.data import ImageSet
    from robustkd.models import PixelModel

FEW = 4
"""The number of images that are shown to a network to see how it is built."""


@dataclass(frozen=True)
class Batch:
    """The images `at` a range of all: pixels, labels, and the index of each in its data set."""

    at: slice
    pixels: Tensor
    labels: Tensor
    places: list[int]

    def only(self, chosen: np.ndarray) -> Batch:
        """Return the images at some indices of the batch."""
        rows = self.labels.new_tensor(chosen)
        return Batch(self.at, self.pixels[rows], self.labels[rows], [self.places[index] for index in chosen])


@dataclass(frozen=True)
class Source:
    """A network under attack, and what was seen of the attacks.

    Attributes:
        model: The network, on its device, in evaluation mode.
        everyone: The networks whose mode is watched: the source and those that see its examples.
        classes: The number of classes.
        seed: The seed of all random numbers.
        precision: The precision that examples are crafted in.
        network: The network that gradients are taken of (`crafting_network`).
        seen: What was observed.
    """

    model: nn.Module
    everyone: Sequence[nn.Module]
    classes: int
    seed: int
    precision: Precision
    network: nn.Module
    seen: Soundness = field(default_factory=Soundness)

    @classmethod
    def of(
        cls, model: PixelModel, everyone: Sequence[PixelModel], images: ImageSet, seed: int, precision: Precision
    ) -> Source:
        """Prepare a network for attacks on images.

        Args:
            model: The network.
            everyone: The networks whose mode is watched.
            images: The images.
            seed: The seed of all random numbers.
            precision: The precision that examples are crafted in.
        """
        from robustkd.attacks.crafting import crafting_network

        few = images.pixels(0, FEW, model.mean.device)
        network = crafting_network(model, precision, few)
        return cls(model, everyone, images.num_classes, seed, precision, network)

    def examples(self, attack: Attack, batch: Batch) -> Tensor:
        """Craft adversarial examples, and record whether the attack was sound.

        Args:
            attack: The attack.
            batch: The images.

        Returns:
            float32 (B, C, H, W).
        """
        from robustkd.models.modes import in_evaluation_mode

        before = in_evaluation_mode(self.everyone)
        lower = attack.follows_gradients and self.precision != "float32"
        with tensor_float32(lower):
            found = craft(
                attack, self.model, batch.pixels, batch.labels, batch.places, self.seed, self.classes, self.network
            )
        self.seen.evaluation_mode &= before and in_evaluation_mode(self.everyone)
        self.seen.see(attack, found, batch.pixels)
        return found


def batches(images: ImageSet, indices: np.ndarray, batch_size: int, device: Any) -> Iterator[Batch]:
    """Iterate over images, batch by batch.

    Args:
        images: The N images.
        indices: The index of each image in its data set, int64 (N,).
        batch_size: The number of images per batch.
        device: The device to put pixels and labels on.
    """
    start = 0
    for pixels in images.pixel_batches(batch_size, device):
        at = slice(start, start + len(pixels))
        yield Batch(at, pixels, images.labels[at].to(device), indices[at].tolist())
        start = at.stop


def classes_of(models: Sequence[nn.Module], pixels: Tensor) -> np.ndarray:
    """Return the classes that each network predicts, int64 (models, B).

    Args:
        models: The networks, in evaluation mode.
        pixels: The images, float32 (B, C, H, W) in [0, 1].
    """
    import torch

    return torch.stack([decided_classes(model, pixels) for model in models]).cpu().numpy()
