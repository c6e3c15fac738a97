"""How images of any size become images of one size."""

from dataclasses import dataclass

from PIL import Image, ImageOps

LONGEST = 16
"""Of an image that is longer than this many times its shorter side, the ends are cut off before it is resized."""

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
"""Pillow's filters by timm's names for them."""


@dataclass(frozen=True)
class Cut:
    """The largest centre square, resized (bicubic).

    Attributes:
        side: Height and width of the result.
    """

    side: int

    def __call__(self, image: Image.Image) -> Image.Image:
        """Resize an image."""
        return ImageOps.fit(image, (self.side, self.side), Image.Resampling.BICUBIC)


@dataclass(frozen=True)
class Squash:
    """The whole image, resized to a square (bicubic): its aspect ratio is lost.

    Attributes:
        side: Height and width of the result.
    """

    side: int

    def __call__(self, image: Image.Image) -> Image.Image:
        """Resize an image."""
        return image.resize((self.side, self.side), Image.Resampling.BICUBIC)


@dataclass(frozen=True)
class StandardEvaluation:
    """The transform that ImageNet networks are evaluated with: the shorter side resized, the centre cut out.

    With `side` equal to `crop`, this is timm's ``create_transform(is_training=False)``, pixel for pixel. A larger
    `side` keeps more of the image around that centre.

    Attributes:
        resize: The length of the shorter side after resizing.
        crop: Height and width of the centre that the network sees.
        interpolation: The filter of the resizing, as timm names it.
        side: Height and width of the result, from `crop` to `resize`.
    """

    resize: int
    crop: int
    interpolation: str
    side: int

    def __call__(self, image: Image.Image) -> Image.Image:
        """Resize and cut an image."""
        width, height = image.size
        short = min(width, height)
        if max(width, height) > LONGEST * short:
            image = _centre(image, min(width, LONGEST * short), min(height, LONGEST * short))
            width, height = image.size
        image = image.resize(
            (self.resize * width // short, self.resize * height // short), RESAMPLING[self.interpolation]
        )
        left, top = (self._start(length) for length in image.size)
        return image.crop((left, top, left + self.side, top + self.side))

    def _start(self, length: int) -> int:
        """Where the result begins on an axis, so that the network's centre in it is torchvision's to the pixel."""
        return round((length - self.crop) / 2) - round((self.side - self.crop) / 2)


Geometry = Cut | Squash | StandardEvaluation


def _centre(image: Image.Image, width: int, height: int) -> Image.Image:
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
