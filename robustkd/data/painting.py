"""Patterns painted over images: a trigger in a corner, a border around the picture."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from robustkd.data.image_set import ImageSet
from robustkd.data.transformed import transformed

NO_PATTERN = -1
"""The pattern of an image that stays as it is."""


@dataclass(frozen=True, eq=False)
class Painting:
    """Which pattern is painted over which image; plain arrays, so that it can be sent to other processes.

    Attributes:
        patterns: The patterns, uint8 (P, C, H, W).
        masks: The pixels that each pattern covers, bool (P, H, W).
        chosen: The pattern of each image, int64 (N,), `NO_PATTERN` for none.
    """

    patterns: np.ndarray
    masks: np.ndarray
    chosen: np.ndarray

    @property
    def digest(self) -> str:
        """SHA-256 over patterns, masks and choices."""
        arrays = (self.patterns, self.masks, self.chosen.astype(np.int64))
        content = b"".join(repr(each.shape).encode() + np.ascontiguousarray(each).tobytes() for each in arrays)
        return hashlib.sha256(content).hexdigest()

    def on(self, images: ImageSet) -> ImageSet:
        """Paint the patterns.

        Args:
            images: N images of the shape of the patterns. Those in memory are copied; those on disk are painted when
                they are read.

        Returns:
            The painted images with the same labels.
        """
        if not isinstance(images.images, Tensor):
            return transformed(images, "painting", lambda pixels, places: self._painted(pixels, places), self.digest)
        return replace(images, images=self._painted(images.images, torch.arange(len(images))))

    def _painted(self, pixels: Tensor, places: Tensor) -> Tensor:
        """Paint a copy of some images, uint8 (B, C, H, W), which are at `places`, int64 (B,)."""
        painted = pixels.clone()
        chosen = torch.from_numpy(self.chosen)[places]
        for index in chosen.unique().tolist():
            if index == NO_PATTERN:
                continue
            rows = torch.nonzero(chosen == index)[:, 0].to(pixels.device)
            mask = torch.from_numpy(self.masks[index]).to(pixels.device)
            pattern = torch.from_numpy(self.patterns[index]).to(pixels.device)
            painted[rows] = torch.where(mask, pattern, painted[rows])
        return painted
