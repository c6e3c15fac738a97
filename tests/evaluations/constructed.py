"""Networks whose answers are known by hand, and what they predict for any images."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robustkd.data import Dataset, ImageSet
from robustkd.models import Member
from robustkd.results.predictions import Predictions

Network = Callable[[Tensor], Tensor]
"""Maps float pixels (B, C, H, W) to logits (B, K)."""


class PredictWith:
    """Predicts with functions in place of the networks of the members.

    Args:
        data: The data set.
        networks: The function of each member, by its name.
    """

    def __init__(self, data: Dataset, networks: Mapping[str, Network]) -> None:
        self._test = data.test
        self._networks = networks

    def __call__(self, member: Member, images: ImageSet | None = None) -> Predictions:
        """Return the logits that the member's function gives."""
        shown = self._test if images is None else images
        pixels = shown.pixels(0, len(shown))
        return Predictions(self._networks[member.name](pixels).float().numpy(), shown.labels.numpy())

    def kept(self, name: str, members: Any, settings: Any, compute: Callable[[], Any]) -> dict[str, np.ndarray]:
        """Compute and keep nothing."""
        return dict(compute())


def brightness(pixels: Tensor) -> Tensor:
    """Classes by mean brightness, from dark to light: three logits that are highest at 0, 1/2 and 1."""
    mean = pixels.mean(dim=(1, 2, 3))
    return -((mean[:, None] - torch.tensor([0.0, 0.5, 1.0])) ** 2) * 20


def constant(pixels: Tensor) -> Tensor:
    """The same logits for every image."""
    return torch.tensor([[1.0, 0.0, 0.0]]).expand(len(pixels), -1)
