"""The images that a network is trained on beyond the training set and its usual augmentation, as data."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

Policy = Literal["none", "auto_augment", "rand_augment"]
Mixing = Literal["none", "mixup", "cutmix"]
MixingDraw = Literal["per_batch", "per_image"]

NOISE = "noise"
"""The name of images whose pixels are drawn uniformly."""

FOLDER = "images:"
"""What precedes the path of a folder of images."""


@dataclass(frozen=True)
class ExtraImages:
    """Images without labels, which are shown beside the training set.

    Attributes:
        data: ``noise`` for pixels drawn uniformly, ``images:FOLDER`` for all images in a folder, or the name of a data
            set, of which the training images are taken (the test images where it has no others). Images of another size
            are resized.
        ratio: The number of images for each image of the whole training set, above 0.
        temperature: The temperature at which the teacher is matched on them; that of the method if not given. Only
            `hinton` knows it.

    Raises:
        ValueError: Ratio or temperature are not above 0, or not finite.
    """

    data: str
    ratio: Annotated[float, Field(gt=0)]
    temperature: Annotated[float, Field(gt=0)] | None = None

    def __post_init__(self) -> None:
        given = [self.ratio, *([self.temperature] if self.temperature is not None else [])]
        if not all(0 < value < math.inf for value in given):
            raise ValueError("ratio and temperature of extra images must be above 0 and finite")


@dataclass(frozen=True)
class DistillationData:
    """What a training shows beyond the training set with its crops and flips; nothing by default.

    Stanton et al., *Does Knowledge Distillation Really Work?* (arXiv 2106.05945), section 5, compare such data. All
    choices are drawn anew in each epoch.

    Attributes:
        rotation: The largest angle of a rotation about the centre, in degrees, to either side (bilinear; the border is
            mirrored).
        vertical_flip: Whether half of the images are mirrored upside down.
        colour_jitter: The strength of changes of brightness, contrast, saturation and hue, 0 to 1: factors are drawn
            from 1 − strength to 1 + strength, the turn of the hue from −strength/2 to strength/2 of the circle.
        policy: ``auto_augment``, the policies of Cubuk et al. (arXiv 1805.09501) for CIFAR-10; or ``rand_augment``, two
            operations of magnitude 9 (arXiv 1909.13719).
        mixing: ``mixup`` shows λ·x + (1 − λ)·x' for pairs of images of a batch (Zhang et al., arXiv 1710.09412);
            ``cutmix`` replaces a rectangle of the share 1 − λ by that of the other image (Yun et al., arXiv
            1905.04899).
        mixing_alpha: λ is drawn from Beta(α, α); 1 is uniform.
        mixing_draw: Whether λ is drawn for each batch or for each image.
        extra: Images beside the training set, or none.

    Raises:
        ValueError: A setting is out of range or unknown.
    """

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    vertical_flip: bool = False
    colour_jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    policy: Policy = "none"
    mixing: Mixing = "none"
    mixing_alpha: Annotated[float, Field(gt=0)] = 1.0
    mixing_draw: MixingDraw = "per_batch"
    extra: ExtraImages | None = None

    def __post_init__(self) -> None:
        for name, kind in (("policy", Policy), ("mixing", Mixing), ("mixing_draw", MixingDraw)):
            if getattr(self, name) not in get_args(kind):
                raise ValueError(f"{name} must be one of {', '.join(get_args(kind))}, got {getattr(self, name)!r}")
        if not (0 <= self.rotation <= 180 and 0 <= self.colour_jitter <= 1 and 0 < self.mixing_alpha < math.inf):
            raise ValueError("rotation must be 0 to 180, colour_jitter 0 to 1, and mixing_alpha above 0 and finite")

    @property
    def has_one_label_each(self) -> bool:
        """Whether every image that it shows has exactly one label."""
        return self.mixing == "none" and self.extra is None


NOTHING_MORE = DistillationData()


def distillation_data(given: Any) -> Any:
    """Accept a mapping of the settings instead of the settings.

    Args:
        given: Either.
    """
    if not isinstance(given, Mapping):
        return given
    extra = given.get("extra")
    return DistillationData(**{**given, "extra": ExtraImages(**extra) if isinstance(extra, Mapping) else extra})
