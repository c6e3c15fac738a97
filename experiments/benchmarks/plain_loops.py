"""How training loops of other toolkits read and augment their images, for the comparison in `trainer`."""

import argparse
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms
from torchvision.transforms import v2

from robustkd.data import Dataset, ImageSet
from robustkd.data.augmentation import CIFAR_AUGMENTATION

PADDING = CIFAR_AUGMENTATION.crop_padding


def loader_of(loop: str, data: Dataset, settings: argparse.Namespace, device: torch.device) -> Any:
    """Return the batches of a loop: pixels in [0, 1] and labels.

    Args:
        loop: The name of the loop, one of `LOOPS`.
        data: The data.
        settings: ``batch_size`` and ``workers``.
        device: The device that they will be moved to.
    """
    return LOOPS[loop](data.training, settings, device)


class _PilImages(TorchDataset[Any]):
    """Images as torchvision's data sets give them: one by one, through PIL."""

    def __init__(self, images: ImageSet) -> None:
        self.arrays = np.ascontiguousarray(images.read(torch.arange(len(images))).permute(0, 2, 3, 1).numpy())
        self.labels = images.labels.tolist()
        crop = transforms.RandomCrop(images.shape[-1], padding=PADDING, padding_mode="reflect")
        self.transform = transforms.Compose([crop, transforms.RandomHorizontalFlip(), transforms.ToTensor()])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.arrays[index])), self.labels[index]


class _Tensors(TorchDataset[Any]):
    """Images as tensors, transformed one by one by torchvision's second transforms."""

    def __init__(self, images: ImageSet) -> None:
        self.images = images.read(torch.arange(len(images)))
        self.labels = images.labels.tolist()
        crop = v2.RandomCrop(images.shape[-1], padding=PADDING, padding_mode="reflect")
        self.transform = v2.Compose([crop, v2.RandomHorizontalFlip(), v2.ToDtype(torch.float32, scale=True)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(self.images[index]), self.labels[index]


def _pil(images: ImageSet, settings: argparse.Namespace, device: torch.device) -> Any:
    return _loader(_PilImages(images), settings, device)


def _second_transforms(images: ImageSet, settings: argparse.Namespace, device: torch.device) -> Any:
    return _loader(_Tensors(images), settings, device)


def _loader(images: TorchDataset[Any], settings: argparse.Namespace, device: torch.device) -> Any:
    return DataLoader(
        images,
        settings.batch_size,
        shuffle=True,
        num_workers=settings.workers,
        persistent_workers=settings.workers > 0,
        pin_memory=device.type == "cuda",
    )


class _Kornia:
    """Images on the device, augmented there by kornia, batch by batch."""

    def __init__(self, images: ImageSet, settings: argparse.Namespace, device: torch.device) -> None:
        from kornia import augmentation

        size = (images.shape[-2], images.shape[-1])
        self.transform = torch.nn.Sequential(
            augmentation.RandomCrop(size, padding=PADDING, padding_mode="reflect"), augmentation.RandomHorizontalFlip()
        )
        self.images = images.read(torch.arange(len(images))).to(device)
        self.labels = images.labels.to(device)
        self.batch_size = settings.batch_size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for chosen in torch.randperm(len(self.labels), device=self.labels.device).split(self.batch_size):
            yield self.transform(self.images[chosen].float() / 255), self.labels[chosen]


LOOPS: dict[str, Callable[[ImageSet, argparse.Namespace, torch.device], Any]] = {
    "plain": _pil,
    "torchvision": _second_transforms,
    "kornia": _Kornia,
}
"""The loops by name; ``kornia`` needs that package."""
