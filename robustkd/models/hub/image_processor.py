"""What an image processor of transformers does, as settings of `PixelModel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from robustkd.errors import ModelError
from robustkd.models.preprocessing import Preprocessing
from robustkd.models.resizing import Interpolation

_INTERPOLATION: Mapping[int, Interpolation] = {2: "bilinear", 3: "bicubic"}
"""By the number of the filter in Pillow."""

_SQUASHED_FROM = 384
"""From this size on, ConvNeXt's processor resizes the whole image instead of cutting its centre out."""


def stated_by(processor: Any, name: str) -> Preprocessing:
    """Translate the settings of an image processor.

    Args:
        processor: The image processor.
        name: The network, for messages.

    Raises:
        ModelError: It does what `PixelModel` cannot.
    """
    mean, std = _normalisation(processor)
    size, crop_pct = _size(processor, name)
    interpolation = _INTERPOLATION.get(int(getattr(processor, "resample", None) or 2), "bicubic")
    return Preprocessing(mean, std, size, crop_pct, interpolation, origin=f"the image processor of {name}")


def _normalisation(processor: Any) -> tuple[list[float] | None, list[float] | None]:
    """Mean and std of pixels in [0, 1], from those of 8-bit values: scaled, shifted, normalised, perhaps twice."""
    scales, shifts = getattr(processor, "do_rescale", True), getattr(processor, "rescale_offset", False)
    factor = 255 * (processor.rescale_factor if scales else 1.0)
    offset = 1.0 if scales and shifts else 0.0
    means, stds = _values(processor.image_mean), _values(processor.image_std)
    twice = getattr(processor, "include_top", False) and type(processor).__name__.startswith("EfficientNet")
    again = stds if twice else [1.0] * len(stds)  # it divides by them once more
    if not getattr(processor, "do_normalize", True):
        means, stds = [0.0] * len(means), [1.0] * len(stds)
    shifted = [(offset + mean) / factor for mean in means]
    found = shifted, [std * other / factor for std, other in zip(stds, again, strict=True)]
    nothing = all(abs(mean) < 1e-9 for mean in found[0]) and all(abs(std - 1) < 1e-9 for std in found[1])
    return (None, None) if nothing else found


def _size(processor: Any, name: str) -> tuple[int | None, float | None]:
    """The size of the input, and the share of the shorter side that it spans."""
    resized = _side(processor.size, name) if getattr(processor, "do_resize", True) else None
    cropped = _side(processor.crop_size, name) if getattr(processor, "do_center_crop", False) else None
    if resized is not None and type(processor).__name__.startswith("Levit"):
        resized = int(256 / 224 * resized)
    if resized is not None and cropped is not None:
        if cropped > resized:
            raise ModelError(f"{name}: pads images from {resized} to {cropped}, which is not supported")
        return cropped, cropped / resized if cropped < resized else None
    share = getattr(processor, "crop_pct", None)
    if resized is not None and share is not None and resized < _SQUASHED_FROM:
        return resized, share
    return resized or cropped, None


def _side(size: Any, name: str) -> int:
    """The side of a square, or the shorter side."""
    sides = size if isinstance(size, Mapping) else vars(size)
    height, width, shortest = (sides.get(key) for key in ("height", "width", "shortest_edge"))
    if shortest is None and height != width:
        raise ModelError(f"{name}: takes images of {height}×{width}, and only square ones are supported")
    return int(next(side for side in (shortest, height) if side is not None))


def _values(given: float | Sequence[float]) -> list[float]:
    return [float(value) for value in given] if isinstance(given, Sequence) else [float(given)]
