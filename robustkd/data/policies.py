"""AutoAugment and RandAugment for whole batches: images that get the same operation are changed together.

Cubuk et al., *AutoAugment* (arXiv 1805.09501), table 7, and *RandAugment* (arXiv 1909.13719). torchvision's transforms
of these names apply one choice to a batch; here each image has its own, and torchvision's operations do the work.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F


def apply_policy(images: Tensor, policy: str, numbers: Tensor) -> Tensor:
    """Apply two operations to each image.

    Args:
        images: uint8 (B, C, H, W).
        policy: The policy, which is not ``none``.
        numbers: float32 (B, `epoch_draws.NUMBERS`) in [0, 1), on the CPU, drawn uniformly.

    Returns:
        uint8 (B, C, H, W).
    """
    height, width = images.shape[-2:]
    images = images.clone()
    for step in range(2):
        for (name, level), places in _groups(policy, numbers, step).items():
            at = torch.tensor(places, device=images.device)
            images[at] = OPERATIONS[name](images[at], level, height, width)
    return images


def _groups(policy: str, numbers: Tensor, step: int) -> dict[tuple[str, float], list[int]]:
    """The images, by the operation and the signed level that one of the two steps gives them."""
    groups: dict[tuple[str, float], list[int]] = {}
    for place, image in enumerate(numbers.numpy()):
        chance, sign = image[3 * step + 1], image[3 * step + 2]
        if policy == "auto_augment":
            # one choice, of a sub-policy, for both steps
            name, probability, level = AUTO_AUGMENT[int(image[0] * len(AUTO_AUGMENT))][step]
            share = level / 9
        else:
            name, probability, share = RAND_AUGMENT[int(image[3 * step] * len(RAND_AUGMENT))], 1.0, RAND_LEVEL
        if chance < np.float32(probability) and name != "Identity":
            signed = -share if sign < 0.5 and name in SIGNED else share
            groups.setdefault((name, signed), []).append(place)
    return groups


AUTO_AUGMENT: list[tuple[tuple[str, float, int], tuple[str, float, int]]] = [
    (("Invert", 0.1, 0), ("Contrast", 0.2, 6)),
    (("Rotate", 0.7, 2), ("TranslateX", 0.3, 9)),
    (("Sharpness", 0.8, 1), ("Sharpness", 0.9, 3)),
    (("ShearY", 0.5, 8), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.5, 0), ("Equalize", 0.9, 0)),
    (("ShearY", 0.2, 7), ("Posterize", 0.3, 7)),
    (("Color", 0.4, 3), ("Brightness", 0.6, 7)),
    (("Sharpness", 0.3, 9), ("Brightness", 0.7, 9)),
    (("Equalize", 0.6, 0), ("Equalize", 0.5, 0)),
    (("Contrast", 0.6, 7), ("Sharpness", 0.6, 5)),
    (("Color", 0.7, 7), ("TranslateX", 0.5, 8)),
    (("Equalize", 0.3, 0), ("AutoContrast", 0.4, 0)),
    (("TranslateY", 0.4, 3), ("Sharpness", 0.2, 6)),
    (("Brightness", 0.9, 6), ("Color", 0.2, 8)),
    (("Solarize", 0.5, 2), ("Invert", 0.0, 0)),
    (("Equalize", 0.2, 0), ("AutoContrast", 0.6, 0)),
    (("Equalize", 0.2, 0), ("Equalize", 0.6, 0)),
    (("Color", 0.9, 9), ("Equalize", 0.6, 0)),
    (("AutoContrast", 0.8, 0), ("Solarize", 0.2, 8)),
    (("Brightness", 0.1, 3), ("Color", 0.7, 0)),
    (("Solarize", 0.4, 5), ("AutoContrast", 0.9, 0)),
    (("TranslateY", 0.9, 9), ("TranslateY", 0.7, 9)),
    (("AutoContrast", 0.9, 0), ("Solarize", 0.8, 3)),
    (("Equalize", 0.8, 0), ("Invert", 0.1, 0)),
    (("TranslateY", 0.7, 9), ("AutoContrast", 0.9, 0)),
]
"""The sub-policies for CIFAR-10: two operations each, with their probabilities and levels, 0 to 9."""

RAND_AUGMENT = (
    "Identity",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
    "Rotate",
    "Brightness",
    "Color",
    "Contrast",
    "Sharpness",
    "Posterize",
    "Solarize",
    "AutoContrast",
    "Equalize",
)
"""The operations of RandAugment."""

RAND_LEVEL = 9 / 30
"""The magnitude 9 of 31, as in torchvision, as a share of the largest."""

SIGNED = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness")
"""The operations that go either way."""

SHEAR, ROTATION, TRANSLATION, BLEND = 0.3, 30.0, 150 / 331, 0.9
"""The largest magnitudes: as a slope, in degrees, as a share of the side, and as a change of the factor 1."""

_Operation = Callable[[Tensor, float, int, int], Tensor]


def _affine(
    images: Tensor, angle: float = 0.0, move: tuple[int, int] = (0, 0), shear: tuple[float, float] = (0.0, 0.0)
) -> Tensor:
    centre = [0, 0] if any(shear) else None
    return F.affine(images, angle, list(move), 1.0, list(shear), interpolation=InterpolationMode.NEAREST, center=centre)


def _degrees(slope: float) -> float:
    return float(torch.atan(torch.tensor(slope, dtype=torch.float64)).rad2deg())


def _posterised(images: Tensor, level: float, height: int, width: int) -> Tensor:
    return F.posterize(images, 8 - round(4 * level))


OPERATIONS: dict[str, _Operation] = {
    "ShearX": lambda images, level, h, w: _affine(images, shear=(_degrees(SHEAR * level), 0.0)),
    "ShearY": lambda images, level, h, w: _affine(images, shear=(0.0, _degrees(SHEAR * level))),
    "TranslateX": lambda images, level, h, w: _affine(images, move=(int(TRANSLATION * w * level), 0)),
    "TranslateY": lambda images, level, h, w: _affine(images, move=(0, int(TRANSLATION * h * level))),
    "Rotate": lambda images, level, h, w: F.rotate(images, ROTATION * level, InterpolationMode.NEAREST),
    "Brightness": lambda images, level, h, w: F.adjust_brightness(images, 1 + BLEND * level),
    "Color": lambda images, level, h, w: F.adjust_saturation(images, 1 + BLEND * level),
    "Contrast": lambda images, level, h, w: F.adjust_contrast(images, 1 + BLEND * level),
    "Sharpness": lambda images, level, h, w: F.adjust_sharpness(images, 1 + BLEND * level),
    "Posterize": _posterised,
    "Solarize": lambda images, level, h, w: F.solarize(images, 255 * (1 - level)),
    "AutoContrast": lambda images, level, h, w: F.autocontrast(images),
    "Equalize": lambda images, level, h, w: F.equalize(images),
    "Invert": lambda images, level, h, w: F.invert(images),
}
"""Each operation, by the name in the papers: of images, a level from −1 to 1, height and width."""
