"""The sets of torchvision that classify images, and how each of its classes is told which part to load.

Left out, because an image has no single class or the classes of training and test images differ by design: CelebA,
LFW, LSUN and Omniglot; FakeData, because it has no images.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class KnownSet:
    """How a class of torchvision loads the parts of a data set.

    Attributes:
        train: The arguments for the training images; None where there is one part only, or the training images are not
            loaded.
        test: The arguments for the test images.
        small: Whether all images have one size and fit into memory.
        folder: The folder in the data root that must exist before, because torchvision would create it.
        variant: The argument that `@variant=` sets, with its default; None where there are no variants.
        fixed: Further arguments of both parts.
    """

    train: Arguments | None
    test: Arguments
    small: bool = False
    folder: str = ""
    variant: tuple[str, str] | None = None
    fixed: Arguments = field(default_factory=dict)


def _by(argument: str, train: Any, test: Any, **others: Any) -> KnownSet:
    return KnownSet({argument: train}, {argument: test}, **others)


def _one_part(**others: Any) -> KnownSet:
    return KnownSet(None, {}, **others)


def _train_flag(**others: Any) -> KnownSet:
    return _by("train", True, False, small=True, **others)


SETS: Mapping[str, KnownSet] = {
    "CIFAR10": _train_flag(),
    "CIFAR100": _train_flag(),
    "CLEVRClassification": _by("split", "train", "val"),
    "Caltech101": _one_part(folder="caltech101"),
    "Caltech256": _one_part(folder="caltech256"),
    "Country211": _by("split", "train", "test"),
    "DTD": _by("split", "train", "test"),
    "EMNIST": _train_flag(variant=("split", "balanced")),
    "EuroSAT": _one_part(folder="eurosat"),
    "FER2013": _by("split", "train", "test", small=True),
    "FGVCAircraft": _by("split", "trainval", "test", variant=("annotation_level", "variant")),
    "FashionMNIST": _train_flag(),
    "Flowers102": _by("split", "train", "test"),
    "Food101": _by("split", "train", "test"),
    "GTSRB": _by("split", "train", "test"),
    "INaturalist": _by("version", "2021_train_mini", "2021_valid"),
    "ImageNet": _by("split", "train", "val"),
    "Imagenette": _by("split", "train", "val", variant=("size", "full")),
    "KMNIST": _train_flag(),
    "MNIST": _train_flag(),
    "OxfordIIITPet": _by("split", "trainval", "test"),
    "PCAM": KnownSet(None, {"split": "test"}),
    "Places365": _by("split", "train-standard", "val", fixed={"small": True}),
    "QMNIST": _train_flag(),
    "RenderedSST2": _by("split", "train", "test"),
    "SEMEION": _one_part(small=True),
    "STL10": _by("split", "train", "test", small=True),
    "SUN397": _one_part(),
    "SVHN": _by("split", "train", "test", small=True),
    "StanfordCars": _by("split", "train", "test"),
    "USPS": _train_flag(),
}
"""What there is, by the name of the class. STL-10's images without labels, and third parts, are not loaded."""
