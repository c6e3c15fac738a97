"""Decode an image file to RGB."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from robustkd.data.encoded.geometry import Cut, Geometry
from robustkd.data.encoded.headers import DEEP_MODES, broken, deep
from robustkd.data.encoded.image_file import ImageFile
from robustkd.errors import DataError

_OPAQUE = 255
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image of each EXIF orientation upright."""


@dataclass(frozen=True)
class Decoding:
    """How files become pixels.

    Attributes:
        geometry: How images become one size; None where all have it.
        exif: Whether the orientation that a camera stored is applied.
        background: The colour behind transparent pixels.
    """

    geometry: Geometry | None = None
    exif: Literal["apply", "ignore"] = "ignore"
    background: Literal["white", "black"] = "white"

    def __call__(self, file: ImageFile, orientation: int = 1) -> Tensor:
        """Decode a file to uint8 (3, H, W).

        Args:
            file: The file.
            orientation: Its orientation in EXIF.

        Raises:
            DataError: It is no readable image, or has more than 8 bits per channel.
        """
        try:
            with file.open("rb") as opened, Image.open(opened) as image:
                if image.mode in DEEP_MODES:
                    raise deep(file, image.mode)
                rgb = on_background(image, self.background)
            if self.exif == "apply" and orientation in _UPRIGHT:
                rgb = rgb.transpose(_UPRIGHT[orientation])
            fitted = self.geometry(rgb) if self.geometry is not None else rgb
        except DataError:
            raise
        except Exception as error:  # on a damaged file Pillow's decoders raise errors of many kinds
            raise broken(file, error) from error
        return torch.from_numpy(np.array(fitted)).permute(2, 0, 1)

    def settings(self) -> str:
        """Return what, besides the files and the size, determines all pixels; empty for the settings of version 0.1."""
        return "" if self.geometry is None or isinstance(self.geometry, Cut) else repr(self.geometry)

    def settings_of(self, file: ImageFile, transparent: bool, orientation: int) -> str:
        """Return what determines the pixels of one file besides its content; empty for most files.

        Args:
            file: The file.
            transparent: Whether it may have transparent pixels.
            orientation: Its orientation in EXIF.
        """
        turned = f"orientation {orientation}" if self.exif == "apply" and orientation != 1 else ""
        seen_through = f"on {self.background}" if transparent and _is_seen_through(file) else ""
        return f"{turned} {seen_through}".strip()


def on_background(image: Image.Image, background: str) -> Image.Image:
    """Convert an image to RGB, with a colour behind its transparent pixels.

    Args:
        image: An image of any mode with at most 8 bits per channel.
        background: The name of the colour.
    """
    if not image.has_transparency_data:
        return image.convert("RGB")
    ground = Image.new("RGBA", image.size, background)
    return Image.alpha_composite(ground, image.convert("RGBA")).convert("RGB")


def _is_seen_through(file: ImageFile) -> bool:
    try:
        with file.open("rb") as opened, Image.open(opened) as image:
            alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    except Exception as error:
        raise broken(file, error) from error
    return bool(alpha.min() < _OPAQUE)
