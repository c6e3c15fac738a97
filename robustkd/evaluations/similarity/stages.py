"""What is compared: the stages of a network, and which stage of the teacher belongs to which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from robustkd.evaluations.similarity.cka import contributions, squared_norms
from robustkd.evaluations.similarity.neighbours import nearest

if TYPE_CHECKING:
    from torch import Tensor

    from robustkd.data import ImageSet
    from robustkd.models import PixelModel

POOLED = "pooled"
"""The name of the last stage of every network, the input of its classifier."""


@dataclass(frozen=True, eq=False)
class Stage:
    """The features of a stage for N images.

    Attributes:
        name: Its name in the network.
        features: The mean of its feature map over positions, float32 (N, C).
        columns: The mean over channels and height, float32 (N, W); None where it has no map.
        neighbours: The number k of nearest neighbours; 0 for none.
    """

    name: str
    features: np.ndarray
    columns: np.ndarray | None
    neighbours: int

    @cached_property
    def own(self) -> np.ndarray:
        """What each image contributes to the term of CKA with itself, float64 (N,)."""
        return contributions(self.features, self.features)

    @cached_property
    def norms(self) -> np.ndarray:
        """The squared length of each image's centred features, float64 (N,)."""
        return squared_norms(self.features)

    @cached_property
    def nearest(self) -> np.ndarray:
        """The nearest neighbours of each image, int64 (N, k)."""
        return nearest(self.features, self.neighbours)


def stages_of(model: PixelModel, images: ImageSet, batch_size: int, neighbours: int) -> list[Stage]:
    """Run a network over images and keep the features of its stages; the last one is called `POOLED`.

    Args:
        model: The network, in evaluation mode.
        images: The images.
        batch_size: The largest number of images in a batch.
        neighbours: The number k of nearest neighbours; 0 for none.

    Raises:
        ModelError: It gives no features.
    """
    import torch

    from robustkd.models.batch_size import images_at_once
    from robustkd.models.features import features_of

    device = model.mean.device
    names: tuple[str, ...] = ()
    features: list[list[np.ndarray]] = []
    columns: list[list[np.ndarray | None]] = []
    with torch.no_grad():
        for pixels in images.pixel_batches(images_at_once(batch_size, images.shape, device), device):
            found = features_of(model, pixels)
            names, outputs = (*found.names, POOLED), (*found.blocks, found.pooled)
            features.append([_positions_averaged(each) for each in outputs])
            columns.append([_columns(each) for each in outputs])
    stages = []
    for place, name in enumerate(names):
        rows = [batch[place] for batch in columns]
        whole = None if any(row is None for row in rows) else np.concatenate([row for row in rows if row is not None])
        stages.append(Stage(name, np.concatenate([batch[place] for batch in features]), whole, neighbours))
    return stages


def matched(stages: int, others: int) -> list[int]:
    """Match stages by their relative order: the first with the first, the last with the last.

    Args:
        stages: The number S of stages of one network, the pooled features included.
        others: The number T of stages of the other.

    Returns:
        For each stage the place of the other's: pooled features with pooled features, and block j of the S − 1 blocks
        with block round(j (T − 2) / (S − 2)) of T − 1; a single block is matched with the last one.
    """
    blocks, theirs = stages - 1, others - 1
    if blocks == 1:
        places = [theirs - 1]
    else:
        places = [int(np.floor(place * (theirs - 1) / (blocks - 1) + 0.5)) for place in range(blocks)]
    return [*places, theirs] if theirs > 0 else [-1] * blocks + [theirs]


def _positions_averaged(output: Tensor) -> np.ndarray:
    """Means over the positions of a map, or over tokens; float32 (B, C)."""
    from_map = output.flatten(2).mean(dim=2) if output.ndim == 4 else output
    return (from_map.mean(dim=1) if output.ndim == 3 else from_map).float().cpu().numpy()


def _columns(output: Tensor) -> np.ndarray | None:
    """Means over channels and height, float32 (B, W)."""
    return output.mean(dim=(1, 2)).float().cpu().numpy() if output.ndim == 4 else None
