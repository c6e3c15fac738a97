"""What a network does with pixels before its first layer, and who says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from robustkd.models.channel_order import ChannelOrder
from robustkd.models.resizing import Interpolation

GIVEN = "given by the user"
STATED_BY_CHECKPOINT = "stated by its checkpoint"
NOT_STATED = "not stated: pixels in [0, 1] are not normalised"


@dataclass(frozen=True)
class Preprocessing:
    """Settings of `PixelModel`; None where nobody says anything.

    Attributes:
        mean: The mean of the normalisation, one value for each channel.
        std: The standard deviation of the normalisation.
        image_size: The size that images are resized to.
        crop_pct: As for `PixelModel`; belongs to `image_size`.
        interpolation: As for `PixelModel`; belongs to `image_size`.
        channel_order: As for `PixelModel`.
        origin: Where the normalisation comes from, for the report.
    """

    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    image_size: int | None = None
    crop_pct: float | None = None
    interpolation: Interpolation = "bilinear"
    channel_order: ChannelOrder = "rgb"
    origin: str = GIVEN

    @property
    def normalises(self) -> bool:
        """Whether it says how pixels are normalised."""
        return self.mean is not None or self.std is not None

    @property
    def where_from(self) -> str:
        """Where the normalisation comes from, in words for the report."""
        return self.origin if self.normalises else NOT_STATED

    def completed_by(self, stated: Preprocessing) -> Preprocessing:
        """Add what other settings say: a normalisation if there is none here, and a size if there is none here.

        Args:
            stated: The settings that come second.
        """
        scale = self if self.normalises else stated
        size = self if self.image_size is not None else stated
        return replace(
            self,
            mean=scale.mean,
            std=scale.std,
            origin=scale.origin,
            image_size=size.image_size,
            crop_pct=size.crop_pct,
            interpolation=size.interpolation,
        )

    def settings(self) -> dict[str, Any]:
        """Return the arguments of `PixelModel` and of `create_model`."""
        return {
            "mean": self.mean,
            "std": self.std,
            "image_size": self.image_size,
            "crop_pct": self.crop_pct,
            "interpolation": self.interpolation,
            "channel_order": self.channel_order,
        }
